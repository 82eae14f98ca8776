"""The LaunchAgent: as launchd would read it. launchd itself was not there to read it."""

from __future__ import annotations

import plistlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

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
