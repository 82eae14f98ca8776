"""Killed, aborted, doubled: what is begun is finished once, and nothing half-done is ever public."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from huggingface_hub import HfApi

from tests.flow.conftest import ACCOUNT, BASE, Bot, kill, wait_for

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"

STAGES = {
    "fetch": None,
    "quantize": None,
    "measure": None,
    "card": ("GET", "^/api/models$"),
    "create": ("POST", "/api/repos/create"),
    "upload": ("POST", "/commit/"),
    "verify": ("GET", "/tree/"),
    "try out": None,
    "release": ("PUT", "/settings"),
    "link": ("POST", "/api/collections"),
}
"""Where the process is killed, and the request that is held up so that it dies in the middle of it."""


def hold_up(endpoint: str, method: str, path: str, seconds: float = 2.0) -> None:
    fault = {"kind": "slow", "method": method, "path": path, "seconds": seconds}
    httpx2.post(f"{endpoint}/_loopback/faults", json=fault).raise_for_status()


def clear_faults(endpoint: str) -> None:
    httpx2.delete(f"{endpoint}/_loopback/faults").raise_for_status()


def requests_of(endpoint: str) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = httpx2.get(f"{endpoint}/_loopback/requests").json()
    return log


def children_of(process: subprocess.Popen[str], module: str) -> list[psutil.Process]:
    """The MLX children of a running bot, by the module they run."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
        return [child for child in family if module in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


def test_killed_in_every_stage_it_goes_on_and_publishes_once(bot: Bot, reader: HfApi) -> None:
    """SIGKILL in ten stages, the same command each time: at the end one verified public repo, made once."""
    for stage, held in STAGES.items():
        if held is not None:
            hold_up(bot.endpoint, *held)
        reached = bot.next_time(stage)
        process = bot.start("publish", BASE, "--yes")
        wait_for(reached, 120, f"the stage {stage}")
        time.sleep(0.1)
        assert process.poll() is None, f"it ended before it could be killed in {stage}"
        kill(process)
        clear_faults(bot.endpoint)
        if list(STAGES).index(stage) < list(STAGES).index("release"):
            assert not reader.repo_exists(TARGET), f"public after a kill in {stage}"

    result = bot.json("publish", BASE, "--yes")

    assert [o["status"] for o in result["result"]["outcomes"]] == ["published"]
    assert list(reader.list_collections(owner=ACCOUNT, item=f"models/{TARGET}"))
    runs = bot.json("status")["runs"]
    assert sorted(run["state"] for run in runs) == ["done", "done"]
    for run in runs:
        names = [step["name"] for step in run["steps"]]
        assert len(names) == len(set(names)), f"a step was recorded twice in {names}"
    stages = bot.stages()
    assert stages.count("create") <= 2, "only the step that was running is repeated"
    uploads = [
        r for r in requests_of(bot.endpoint) if r["method"] == "POST" and f"{TARGET}/commit/" in r["path"]
    ]
    assert 1 <= len(uploads) <= 2
    assert not children_left(bot.home), "children die with their parent"


def children_left(home: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if "bot.measure" in (process.info["cmdline"] or []) and str(home) in str(process.info["environ"])
    ]


def test_a_child_that_aborts_is_tried_once_more(bot: Bot, reader: HfApi) -> None:
    """One abort of the MLX process (a GPU watchdog's doing) costs a second try, not the run."""
    process = bot.start("publish", BASE, "--yes", "--json")
    child = wait_for(lambda: children_of(process, "bot.quantize"), 120, "the quantize process")[0]
    child.send_signal(signal.SIGABRT)

    out, err = process.communicate(timeout=240)

    assert process.returncode == 0, err
    assert reader.repo_exists(TARGET)
    assert '"published"' in out


def test_a_child_that_aborts_twice_parks_the_run_with_a_sentence_and_retry_goes_on(
    bot: Bot, reader: HfApi
) -> None:
    """Two aborts park the run: cause and way out are said, nothing is public, and retry finishes it."""
    process = bot.start("publish", BASE, "--yes")
    for _ in range(2):
        child = wait_for(lambda: children_of(process, "bot.quantize"), 120, "the quantize process")[0]
        child.send_signal(signal.SIGABRT)
        child.wait(10)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 11
    assert "SIGABRT" in err
    assert "bot retry" in err
    assert "Traceback" not in err
    assert not reader.repo_exists(TARGET)
    failed = next(run for run in bot.json("status")["runs"] if run["state"] == "failed")
    assert "SIGABRT" in failed["error"]

    retried = bot("retry", failed["id"])
    assert retried.returncode == 0, retried.stderr
    assert reader.repo_exists(TARGET)
    again = next(run for run in bot.json("status")["runs"] if run["retry_of"] == failed["id"])
    assert again["state"] == "done"


def test_a_second_publish_and_status_beside_a_running_one_execute_nothing_twice(
    bot: Bot, reader: HfApi
) -> None:
    """Two terminals, one run: both end well, every step ran once."""
    first = bot.start("publish", BASE, "--yes", "--json")
    wait_for(lambda: "fetch" in bot.stages(), 120, "the first publish to run")
    second = bot.start("publish", BASE, "--yes", "--json")
    seen = bot.json("status")
    assert any(run["state"] == "running" for run in seen["runs"])

    for process in (first, second):
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err

    runs = bot.json("status")["runs"]
    assert sorted(run["kind"] for run in runs) == ["family", "publish"]
    assert bot.stages().count("upload") == 1
    assert len(reader.list_repo_commits(TARGET)) == 2


def test_a_worker_takes_the_quantizing_and_a_dead_worker_is_taken_over(bot: Bot, reader: HfApi) -> None:
    """A worker executes what the queue holds; killed for good, its run is finished by another worker."""
    first = bot.start("worker", "--name", "one")
    try:
        wait_for(lambda: (bot.home / "bot.sqlite").exists(), 60, "the worker's database")
        time.sleep(2)
        publisher = bot.start("publish", BASE, "--yes", "--json")
        wait_for(
            lambda: children_of(first, "bot.quantize") or children_of(publisher, "bot.quantize"), 120, "work"
        )
        for process in (first, publisher):
            kill(process)
        second = bot.start("worker", "--name", "two")
        try:
            wait_for(lambda: reader.repo_exists(TARGET), 120, "the second worker to publish")
            wait_for(
                lambda: all(run["state"] == "done" for run in bot.json("status")["runs"]), 60, "the end of it"
            )
        finally:
            kill(second)
    finally:
        if first.poll() is None:
            kill(first)
    executors = {run["executor"].split("-")[-1] for run in bot.json("status")["runs"]}
    assert executors == {"two"}
    assert len(reader.list_repo_commits(TARGET)) == 2


def test_cancel_stops_a_run_and_leaves_nothing_public(bot: Bot, reader: HfApi) -> None:
    """A cancelled run ends within seconds, its child too; retry finishes it."""
    process = bot.start("publish", BASE, "--yes")
    wait_for(lambda: children_of(process, "bot.measure"), 120, "the measuring process")
    run = next(run for run in bot.json("status")["runs"] if run["kind"] == "family")["id"]

    bot.json("cancel", run)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 12
    assert "bot retry" in err
    assert not reader.repo_exists(TARGET)
    assert not children_left(bot.home)
    assert bot("retry", run).returncode == 0
    assert reader.repo_exists(TARGET)


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


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc to see what a process has loaded"
)
def test_the_daemon_makes_what_is_watched_and_never_loads_mlx(bot: Bot, reader: HfApi) -> None:
    """`bot run` sweeps, plans and publishes by itself; a second daemon says so and exits; SIGTERM ends it."""
    daemon = bot.start("run")
    try:
        wait_for(lambda: "measure" in bot.stages(), 120, "the daemon to reach the measuring")
        maps = Path(f"/proc/{daemon.pid}/maps").read_text()
        assert "libmlx" not in maps
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


def test_the_help_and_the_daemon_side_never_import_mlx() -> None:
    """Nothing the daemon or a command imports brings mlx into their process."""
    code = (
        "import sys, bot.cli, bot.daemon, bot.flow, bot.runs, bot.plan.make, bot.publish.released\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('mlx', 'mlx_lm')], 'mlx was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
