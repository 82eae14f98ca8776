"""Killed, aborted, doubled: what is begun is finished once, and nothing half-done is ever public."""

from __future__ import annotations

import signal
import time

from huggingface_hub import HfApi

from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from tests.flow.conftest import ACCOUNT, BASE, Bot, children_left, children_of, kill, wait_for

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


def test_killed_in_every_stage_it_goes_on_and_publishes_once(
    bot: Bot, hub: LoopbackHub, reader: HfApi
) -> None:
    """SIGKILL in ten stages, the same command each time: at the end one verified public repo, made once."""
    for stage, held in STAGES.items():
        if held is not None:
            hub.arm(Fault(kind="slow", method=held[0], path=held[1], seconds=2.0))
        reached = bot.next_time(stage)
        process = bot.start("publish", BASE, "--yes")
        wait_for(reached, 120, f"the stage {stage}")
        time.sleep(0.1)
        assert process.poll() is None, f"it ended before it could be killed in {stage}"
        kill(process)
        hub.disarm()
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
    uploads = [r for r in hub.requests() if r.method == "POST" and f"{TARGET}/commit/" in r.path]
    assert 1 <= len(uploads) <= 2
    assert not children_left(bot.home), "children die with their parent"


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
