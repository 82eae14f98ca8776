"""What is done with a dead executor's runs: one table, each row a situation."""

from __future__ import annotations

from typing import Any

import pytest

from bot.fleet.queues import machine_queue, worker_queue
from bot.fleet.takeover import Left, decide

ME = "a-two"


def left(run: str = "r", executor: str = "a-one", **more: Any) -> Left:
    return Left(run=run, executor=executor, status="PENDING", **more)


HERE = worker_queue(ME)
CASES: list[tuple[str, Left, dict[str, Any], list[tuple[str, str]]]] = [
    # situation, what was left, what is known, what is done
    ("same machine, I am idle", left(), {}, [("queue", HERE)]),
    ("same machine, I am at work", left(), {"idle": False}, []),
    ("a part of it goes on here", left(part=True), {"idle": False}, [("queue", machine_queue("a"))]),
    ("elsewhere, silent for long", left(executor="b-one"), {"silent": {"b-one": 400}}, [("fork", "mac")]),
    ("elsewhere, it may come back", left(executor="b-one"), {"silent": {"b-one": 20}}, []),
    ("elsewhere, never seen", left(executor="b-one"), {}, [("fork", "mac")]),
    (
        "elsewhere, its machine lives in another worker",
        left(executor="b-one"),
        {"silent": {"b-one": 400}, "alive": {"b-two"}},
        [],
    ),
    (
        "elsewhere, placed and not begun",
        left(executor="b-one", begun=False),
        {"silent": {"b-one": 400}},
        [("queue", "mac")],
    ),
    ("elsewhere, a part goes with its run", left(executor="b-one", part=True), {}, []),
    ("elsewhere, a share is not waited for", left(executor="b-one", forkable=False), {}, [("cancel", "mac")]),
]


@pytest.mark.parametrize(("situation", "one", "known", "done"), CASES, ids=[case[0] for case in CASES])
def test_each_situation_has_its_way(
    situation: str, one: Left, known: dict[str, Any], done: list[tuple[str, str]]
) -> None:
    """Bound to a disk: on its machine it goes on, elsewhere it is begun anew once that one is given up."""
    told: dict[str, Any] = {"idle": True, "alive": set(), "silent": {}, "grace": 300.0} | known
    assert [(step.do, step.queue) for step in decide([one], ME, **told)] == done


def test_an_idle_executor_takes_one_run_and_leaves_the_next_to_others() -> None:
    """Two dead workers of one machine leave two runs; each idle worker takes one of them."""
    steps = decide([left("r1"), left("r2", "a-three")], ME, idle=True, alive=set(), silent={}, grace=300.0)
    assert [step.left.run for step in steps] == ["r1"]
