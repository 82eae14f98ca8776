"""A wish for a service with everything in it that quoting could get wrong; a systemctl that writes down."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.service.wish import Wish


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    home = tmp_path / "home of 100% $me"
    home.mkdir()
    return Wish(
        bot="/opt/qx bot/bin/bot",
        home=str(home),
        watchlist=str(tmp_path / 'watch "list".yaml'),
        logs=str(home / "logs"),
        environment={"BOT_HOME": str(home), "NO_PROXY": 'a"b\\c $HOME %h'},
    )


class Systemctl:
    """A stand-in on the PATH: what it was asked, and whether it fails from now on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._log, self._fails, self.folder = folder / "log", folder / "fails", folder
        script = f"""#!/bin/sh
echo "$0 $@" >> '{self._log}'
case "$*" in
  *show-user*) echo no ;;
  *show*) printf '%s\\n' ActiveState=active SubState=running MainPID=4242 UnitFileState=enabled ;;
esac
if [ -e '{self._fails}' ]; then echo 'Failed to connect to bus: No medium found' >&2; exit 1; fi
"""
        for name in ("systemctl", "loginctl"):
            path = folder / name
            path.write_text(script)
            path.chmod(0o755)

    def fail(self) -> None:
        self._fails.touch()

    @property
    def asked(self) -> list[str]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line.removeprefix(f"{self.folder}/") for line in lines]


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    made = Systemctl(tmp_path / "fake")
    monkeypatch.setenv("PATH", str(made.folder), prepend=":")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return made
