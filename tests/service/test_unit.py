"""The systemd unit: as systemd reads it, with restarts, an end in good order, and no more than it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.service.unit import quoted, unit
from bot.service.wish import Wish


def setting(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def test_the_unit_says_how_it_runs_and_ends(wish: Wish) -> None:
    """Started again after a crash, not after a mistake; more than ten seconds to park its step; no secret in
    it but the name of the file that holds them, which may be missing."""
    text = unit(wish)
    assert setting(text, "Restart") == ["on-failure"]
    assert setting(text, "RestartPreventExitStatus") == ["2 3"]
    assert int(setting(text, "TimeoutStopSec")[0]) > 10
    assert setting(text, "KillMode") == ["mixed"]
    assert setting(text, "EnvironmentFile")[0].endswith("/service.env")
    assert setting(text, "EnvironmentFile")[0].startswith("-/")
    assert setting(text, "WantedBy") == ["default.target"]
    assert not setting(text, "User")


def test_a_system_unit_writes_in_its_own_folders_alone(wish: Wish) -> None:
    """It runs as its user, sees the system read-only, and may still compile kernels and reach a GPU."""
    text = unit(replace(wish, user="publisher", writable=("/home/publisher/.cache",)))
    assert setting(text, "User") == ["publisher"]
    assert setting(text, "ProtectSystem") == ["strict"]
    assert setting(text, "ReadWritePaths")[1:] == ['"-/home/publisher/.cache"']
    assert setting(text, "WantedBy") == ["multi-user.target"]
    for harmful in ("MemoryDenyWriteExecute", "PrivateDevices", "PrivateNetwork", "PrivateUsers"):
        assert harmful not in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("system", [False, True])
def test_systemd_takes_it(wish: Wish, system: bool, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing in it, also with spaces, quotes, % and $ in the paths."""
    (tmp_path / "run").mkdir(mode=0o700)
    program = tmp_path / "bin of $me" / "bot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    own = replace(wish, bot=str(program), user="root" if system else None)
    file = tmp_path / "qx-bot.service"
    file.write_text(unit(own))
    done = subprocess.run(
        ["systemd-analyze", "verify", *([] if system else ["--user"]), str(file)],
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def unquoted(word: str, *, command: bool) -> str:
    """As systemd.syntax(7) and systemd.service(5) read one quoted word."""
    assert word[0] == word[-1] == '"'
    inner = re.sub(r"\\(.)", r"\1", word[1:-1])
    inner = inner.replace("%%", "%")
    return inner.replace("$$", "$") if command else inner


@given(st.text(st.characters(exclude_characters="\n\r\0"), min_size=1), st.booleans())
def test_any_word_comes_back_as_it_was(word: str, command: bool) -> None:
    """Whatever a path or a value holds, systemd reads that and nothing else."""
    assert unquoted(quoted(word, command=command), command=command) == word


@pytest.mark.parametrize("word", ["a\nExecStartPost=/bin/evil", "a\rb"])
def test_a_line_break_is_refused(word: str, wish: Wish) -> None:
    """No folder's name can add a line to the unit."""
    with pytest.raises(ValueError, match="line breaks"):
        unit(replace(wish, home=word))
    with pytest.raises(ValueError, match="line breaks"):
        unit(replace(wish, bot=word))
