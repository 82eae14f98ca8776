"""Installing and taking away: what is written where, for whose eyes, and what stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError, HostError
from bot.service import secrets_file, systemd
from bot.service.wish import CARRIED, SECRETS, Wish, carried, console_script, passing
from tests.service.conftest import Systemctl

ROOT = Path(__file__).parents[2]


def test_installed_it_is_enabled_and_started(wish: Wish, systemctl: Systemctl) -> None:
    """The unit is where systemd looks, is loaded, enabled, started; it is said that it ends at logout."""
    told = systemd.install(wish)
    path = systemd.unit_path(system=False)
    assert "ExecStart=" in path.read_text()
    assert systemctl.asked[:3] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable qx-bot.service",
        "systemctl --user restart qx-bot.service",
    ]
    assert any("loginctl enable-linger" in line for line in told)
    found = systemd.status(Path(wish.logs), system=False)
    assert (found.installed, found.running, found.at_login, found.pid) == (True, True, True, 4242)
    assert found.log == f"{wish.logs}/bot.log"


def test_taken_away_its_data_stay(wish: Wish, systemctl: Systemctl) -> None:
    """Stopped, disabled, the unit gone; asked again it says that none is there; BOT_HOME is untouched."""
    systemd.install(wish)
    kept = Path(wish.home) / "bot.sqlite"
    kept.write_text("runs")
    assert "is gone" in systemd.uninstall(system=False)[0]
    assert "systemctl --user disable --now qx-bot.service" in systemctl.asked
    assert not systemd.unit_path(system=False).exists()
    assert systemd.uninstall(system=False)[0].startswith("no service is installed")
    assert kept.read_text() == "runs"


def test_a_manager_that_does_not_answer_is_one_sentence(wish: Wish, systemctl: Systemctl) -> None:
    """Its own words and the way out."""
    systemctl.fail()
    with pytest.raises(HostError, match=r"No medium found.*not `su`"):
        systemd.install(wish)


def test_without_systemd_it_is_said(wish: Wish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback where there is no systemctl at all."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(HostError, match="there is no `systemctl` on this machine"):
        systemd.install(wish)


def test_secrets_are_for_the_owners_eyes(tmp_path: Path) -> None:
    """A new file is 600 from its first byte, one that others could read is mended, and that is said."""
    path = tmp_path / "home" / "service.env"
    told = secrets_file.make(path, {"HF_TOKEN": "hf_tester"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert "hf_tester" not in " ".join(told)
    path.chmod(0o644)
    assert "could be read by others" in secrets_file.make(path, {})[0]
    assert path.stat().st_mode & 0o777 == 0o600
    secrets_file.make(path, {"BOT_NOTIFY": "json://127.0.0.1"})
    assert secrets_file.read(path) == {"HF_TOKEN": "hf_tester", "BOT_NOTIFY": "json://127.0.0.1"}


VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\"\\$`' #"))


@given(given_=st.dictionaries(st.sampled_from(SECRETS), VALUES.filter(bool)))
def test_a_secret_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, given_: dict[str, str]
) -> None:
    """Whatever characters a password has, it is read as it was written."""
    path = tmp_path_factory.getbasetemp() / "any-secret.env"
    path.write_text(secrets_file.text_of(given_), "utf-8")
    assert secrets_file.read(path) == given_


def test_a_broken_line_is_named_and_not_shown(tmp_path: Path) -> None:
    """Its number, not its content."""
    path = tmp_path / "service.env"
    path.write_text("# mine\nHF_TOKEN hf_tester\n")
    with pytest.raises(ConfigError, match=r"service\.env:2: this line is not NAME=") as told:
        secrets_file.read(path)
    assert "hf_tester" not in str(told.value)


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("/home/me/.cache/uv/archive-v0/AbC/bin/bot", True),
        ("/Users/me/Library/Caches/uv/environments-v2/x/bin/bot", True),
        ("/home/me/.local/pipx/.cache/4f/bin/bot", True),
        ("/tmp/try/bin/bot", True),
        ("/home/me/.local/bin/bot", False),
        ("/home/me/.local/share/uv/tools/qx-bot/bin/bot", False),
        ("/home/me/.local/share/pipx/venvs/qx-bot/bin/bot", False),
        ("/srv/qx-bot/.venv/bin/bot", False),
    ],
)
def test_a_bot_that_will_vanish_is_no_service(path: str, passes: bool) -> None:
    """uvx, `uv run --with`, pipx run and a temporary folder are emptied some day; an installed tool stays."""
    assert (passing(Path(path), Path("/tmp")) is not None) is passes


def test_the_service_runs_the_bot_that_installed_it(tmp_path: Path) -> None:
    """The script that was called; called as a module, the script beside its Python; else a sentence."""
    script = tmp_path / "bin" / "bot"
    script.parent.mkdir()
    with pytest.raises(HostError, match="uv tool install"):
        console_script("/x/__main__.py", str(script.parent / "python"))
    script.touch(mode=0o755)
    assert console_script(str(script), "/usr/bin/python3") == script
    assert console_script("/x/__main__.py", str(script.parent / "python")) == script


def test_no_secret_is_carried_into_the_unit() -> None:
    """What the shell knows goes along by name, and no name of a secret is among them."""
    shell = dict.fromkeys(SECRETS, "x") | {
        "BOT_HOME": "/b",
        "PATH": "/p",
        "HF_ENDPOINT": "https://huggingface.co",
    }
    assert carried(shell) == {"BOT_HOME": "/b"}


def test_every_variable_of_the_readme_reaches_the_service() -> None:
    """In the unit, in the file of secrets, or (the watchlist) in its command."""
    table = (
        (ROOT / "README.md").read_text("utf-8").partition("| variable | default |")[2].partition("\n\n")[0]
    )
    named = set(re.findall(r"`((?:BOT|HF)_[A-Z_]+)`", table))
    assert len(named) > 10
    assert named <= {*CARRIED, *SECRETS, "BOT_WATCHLIST"}


def bot(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, as a user types it; wherever this checkout lies, it is no temporary place for it."""
    temporary = tmp_path.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "bot", "service", *arguments],
        env={
            **os.environ,
            "BOT_HOME": str(tmp_path / "home"),
            "XDG_CONFIG_HOME": str(tmp_path),
            "TMPDIR": str(temporary),
            **environment,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="prints the unit of Linux")
def test_a_dry_run_prints_the_file_and_changes_nothing(tmp_path: Path) -> None:
    """What would be written, whole, and nothing is: no home, no unit; a secret is not in it."""
    (tmp_path / "watchlist.yaml").write_text("recipes: [qx64-hi]\nrepos: [{repo: Qwen/A}]\n")
    done = bot(tmp_path, "install", "--dry-run", HF_TOKEN="hf_tester", BOT_TEMPLATES="mine")
    assert done.returncode == 0, done.stderr
    assert f'"run" "--watchlist" "{tmp_path}/watchlist.yaml"' in done.stdout
    assert f'"BOT_TEMPLATES={tmp_path}/mine"' in done.stdout
    assert "hf_tester" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["watchlist.yaml"]


@pytest.mark.skipif(sys.platform != "linux", reason="--system is for Linux")
@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("install", "--system"), "should not run as root: name the user with --run-as", 2),
        (("install", "--system", "--run-as", "no-such-user"), "there is no user 'no-such-user'", 2),
        (("install", "--watchlist", "none.yaml"), "none.yaml is not there", 3),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], said: str, code: int, tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "watchlist.yaml").write_text("recipes: [qx64-hi]\nrepos: [{repo: Qwen/A}]\n")
    done = bot(tmp_path, *arguments, SUDO_USER="")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
