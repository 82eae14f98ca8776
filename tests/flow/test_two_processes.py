"""Several processes on one database: what one does is not done again by another."""

from __future__ import annotations

import time

from huggingface_hub import HfApi

from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from tests.flow.conftest import ACCOUNT, BASE, Bot, children_left, children_of, kill, wait_for

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"


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
        wait_for(lambda: list(bot.home.glob("hubs/*/bot.sqlite")), 60, "the worker's database")
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


def test_a_run_cancelled_while_it_publishes_is_finished_by_retry(
    bot: Bot, hub: LoopbackHub, reader: HfApi
) -> None:
    """Cancelling a family ends the quant it was publishing too; retrying it starts that quant anew."""
    hub.arm(Fault(kind="slow", method="GET", path=f"{TARGET}/tree/[0-9a-f]+", seconds=10.0))
    process = bot.start("publish", BASE, "--yes")
    wait_for(lambda: "verify" in bot.stages(), 120, "the verification")
    run = next(run for run in bot.json("status")["runs"] if run["kind"] == "family")["id"]

    bot.json("cancel", run)
    process.communicate(timeout=60)

    assert process.returncode == 12
    assert not reader.repo_exists(TARGET)
    retried = bot("retry", run)
    assert retried.returncode == 0, retried.stderr
    assert reader.repo_exists(TARGET)
