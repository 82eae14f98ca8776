"""The LaunchAgent: as launchd would read it. launchd itself was not there to read it."""

from __future__ import annotations

import os
import plistlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.service import launchd, secrets_file
from bot.service.agent import AWAKE, agent, plist
from bot.service.launchd import state_of
from bot.service.wish import Wish


def test_the_agent_is_not_throttled_and_comes_back(wish: Wish) -> None:
    """Interactive (Background and Standard are throttled), started at login, again after a failure only; its
    secrets in its environment, its path to git, a log, time to end."""
    read = plistlib.loads(plist(agent(wish, {"HF_TOKEN": "hf_a&<b>\"'"})))
    assert read["ProcessType"] == "Interactive"
    assert read["RunAtLoad"] is True
    assert read["KeepAlive"] == {"SuccessfulExit": False}
    assert read["ExitTimeOut"] > 10
    assert read["EnvironmentVariables"]["HF_TOKEN"] == "hf_a&<b>\"'"
    assert read["EnvironmentVariables"]["BOT_HOME"] == wish.home
    assert read["StandardErrorPath"] == f"{wish.home}/logs/service.log"
    assert read["ProgramArguments"] == ["/bin/sh", "-c", AWAKE, *wish.command]
    assert read["Umask"] == 0o077


def test_signals_reach_the_bot_and_its_status_is_told(tmp_path: Path) -> None:
    """The line that keeps the Mac awake: the bot takes the shell's place, so launchd's SIGTERM is the bot's,
    its arguments come whole, and its exit status is the job's. (caffeinate's place is taken by a sleep.)"""
    sleep = shutil.which("sleep")
    assert sleep
    bot = tmp_path / "a bot"
    bot.write_text('#!/bin/sh\necho "$1" > "$2"\ntrap "exit 7" TERM\nwhile :; do sleep 0.05; done\n')
    bot.chmod(0o755)
    marks = tmp_path / "it runs"
    line = AWAKE.replace("/usr/bin/caffeinate -s -w $$", f"{sleep} 1")
    assert line != AWAKE
    job = subprocess.Popen(["/bin/sh", "-c", line, str(bot), "run; echo $HOME", str(marks)])
    while not (marks.exists() and marks.read_text()):
        assert job.poll() is None
        time.sleep(0.02)
    job.send_signal(signal.SIGTERM)
    assert job.wait(20) == 7
    assert marks.read_text() == "run; echo $HOME\n"


PRINTED = """\
gui/501/qx-bot = {
\tactive count = 1
\tpath = /Users/me/Library/LaunchAgents/qx-bot.plist
\ttype = LaunchAgent
\tstate = running

\tprogram = /bin/sh
\tpid = 4711
\tlast exit code = (never exited)
}
"""


@pytest.mark.parametrize(
    ("printed", "running", "pid", "detail"),
    [
        (PRINTED, True, 4711, "running, last exit (never exited)"),
        (PRINTED.replace("\tpid = 4711\n", "").replace("running", "waiting").replace("(never exited)", "1"),
         False, None, "waiting, last exit 1"),
        ("", False, None, "not loaded"),
    ],
)  # fmt: skip
def test_what_launchctl_prints_is_read(
    printed: str, running: bool, pid: int | None, detail: str, tmp_path: Path
) -> None:
    """Running or not, under which number, how it ended last."""
    found = state_of(printed, tmp_path / "qx-bot.plist", tmp_path)
    assert (found.running, found.pid, found.detail, found.installed) == (running, pid, detail, False)


LAUNCHCTL = """\
#!{python}
# A stand-in for launchctl: it runs what a probe's list names, and writes down what else it is asked.
import os, plistlib, subprocess, sys
with open({log!r}, "a") as file:
    print(" ".join(sys.argv[1:]), file=file)
if sys.argv[1] == "bootstrap":
    job = plistlib.load(open(sys.argv[3], "rb"))
    if job["Label"].endswith("-probe"):
        subprocess.Popen(job["ProgramArguments"], env=os.environ | job["EnvironmentVariables"])
"""


@pytest.fixture
def launchctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the stand-in on the PATH writes down what it was asked; HOME is a new folder."""
    log = tmp_path / "asked"
    script = tmp_path / "bin" / "launchctl"
    script.parent.mkdir()
    script.write_text(LAUNCHCTL.format(python=sys.executable, log=str(log)))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")
    monkeypatch.setenv("HOME", str(tmp_path))
    return log


def test_installed_on_a_mac_it_was_probed_and_its_secrets_are_private(wish: Wish, launchctl: Path) -> None:
    """The probe runs as the manager's child and beside it in the shell; then the agent is loaded, in a file
    for the owner alone; the probe's own list is gone. (With a stand-in for launchctl.)"""
    secrets_file.make(Path(wish.environment_file), {"HF_TOKEN": "hf_tester"})
    told = launchd.install(wish)
    path = launchd.agent_path()
    assert "GFLOP/s" in told[0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert plistlib.loads(path.read_bytes())["EnvironmentVariables"]["HF_TOKEN"] == "hf_tester"
    assert [file.name for file in path.parent.iterdir()] == ["qx-bot.plist"]
    domain = f"gui/{os.getuid()}"
    assert launchctl.read_text().splitlines() == [
        f"bootstrap {domain} {path.parent}/qx-bot-probe.plist",
        f"bootout {domain}/qx-bot-probe",
        f"bootout {domain}/qx-bot",
        f"bootstrap {domain} {path}",
        f"enable {domain}/qx-bot",
    ]
    assert launchd.uninstall()[0].endswith("is gone")
    assert not path.exists()
    assert Path(wish.environment_file).exists()
