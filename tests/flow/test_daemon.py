"""The unattended half: `bot run`, `bot pause`, `bot resume`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from huggingface_hub import HfApi

from tests.flow.conftest import ACCOUNT, BASE, Bot, kill, wait_for

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"


def test_a_pause_outlives_a_restart_and_resume_goes_on(bot: Bot, reader: HfApi) -> None:
    """While paused nothing new is started, by no process; resume lets it go on."""
    worker = bot.start("worker")
    wait_for(lambda: bot("pause").returncode == 0, 30, "the queue to exist")
    kill(worker)
    publisher = bot.start("publish", BASE, "--yes", "--json")
    wait_for(lambda: any(r["state"] == "waiting" for r in bot.json("status")["runs"]), 60, "a waiting run")
    time.sleep(3)
    assert "fetch" not in bot.stages()
    assert bot.json("status")["paused"]

    assert bot("resume").returncode == 0
    _, err = publisher.communicate(timeout=240)
    assert publisher.returncode == 0, err
    assert reader.repo_exists(TARGET)


def files_loaded(pid: int) -> str:
    """What a process has in its memory: as Linux tells, else as lsof does (a Mac has it; not run there)."""
    maps = Path(f"/proc/{pid}/maps")
    if maps.exists():
        return maps.read_text()
    return subprocess.run(["lsof", "-p", str(pid)], capture_output=True, text=True, check=True).stdout


def test_the_daemon_makes_what_is_watched_and_never_loads_mlx(bot: Bot, reader: HfApi) -> None:
    """`bot run` sweeps, plans and publishes by itself; a second daemon says so and exits; SIGTERM ends it."""
    daemon = bot.start("run")
    try:
        wait_for(lambda: "measure" in bot.stages(), 120, "the daemon to reach the measuring")
        loaded = files_loaded(daemon.pid)
        assert "python" in loaded.lower()
        assert "libmlx" not in loaded
        second = bot("run")
        assert second.returncode == 2
        assert "another `bot run`" in second.stderr
        wait_for(lambda: reader.repo_exists(TARGET), 180, "the daemon to publish")
    finally:
        daemon.send_signal(signal.SIGTERM)
        out, err = daemon.communicate(timeout=30)
    assert daemon.returncode == 0, err
    assert TARGET.split("/")[1].split("-qx")[0] in err
    assert "hf_" not in err + out


def test_one_look_says_what_would_be_made_and_starts_nothing(bot: Bot, api: HfApi) -> None:
    """`bot watch --once` sweeps and reports; no run, no repo."""
    seen = bot.json("watch", "--once")

    assert [one["repo"] for one in seen["decided"]] == [BASE]
    assert seen["decided"][0]["kind"] == "new"
    assert bot.stages() == []
    assert list(api.list_models(author=ACCOUNT)) == []


def test_the_help_and_the_daemon_side_never_import_mlx() -> None:
    """Nothing the daemon or a command imports brings mlx into their process."""
    code = (
        "import sys, bot.cli, bot.daemon, bot.flow, bot.runs, bot.plan.make, bot.publish.released\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('mlx', 'mlx_lm')], 'mlx was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
