"""Executors and their locks: who is alive, who may take over, under which id a request runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import pytest

from bot import engine
from bot.settings import Settings


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_an_executors_id_is_stable_and_its_lock_says_that_it_lives(known: Settings) -> None:
    """Asked again, a role has the same id; while its lock is held, nobody else gets it."""
    executor = engine.executor_id(known, "main")
    assert engine.executor_id(known, "main") == executor != engine.executor_id(known, "worker")

    with engine.lock_of(known, executor).acquire(timeout=0), pytest.raises(filelock.Timeout):
        engine.lock_of(known, executor).acquire(timeout=0)
    engine.lock_of(known, executor).acquire(timeout=0).lock.release()


def test_only_this_machines_executors_are_taken_over(known: Settings, tmp_path: Path) -> None:
    """A machine that shares the database is never judged by a lock file it cannot have written here."""
    elsewhere = Settings(home=tmp_path / "another machine")

    assert engine.of_this_machine(known, engine.executor_id(known, "worker"))
    assert not engine.of_this_machine(known, engine.executor_id(elsewhere, "worker"))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({}, ("run", False)),
        ({"run": "PENDING"}, ("run", True)),
        ({"run": "ENQUEUED"}, ("run", True)),
        ({"run": "ERROR"}, ("run~2", False)),
        ({"run": "CANCELLED", "run~2": "PENDING"}, ("run~2", True)),
        ({"run": "ERROR", "run~2": "ERROR"}, ("run~3", False)),
        ({"run": "ERROR", **{f"run~{n}": "ERROR" for n in range(2, 12)}}, ("run~12", False)),
        ({"run": "SUCCESS", "running": "PENDING"}, ("run~2", False)),
    ],
)
def test_a_request_runs_under_its_unfinished_attempt_or_a_new_one(
    statuses: dict[str, str], expected: tuple[str, bool]
) -> None:
    """What failed, was cancelled or ended is not answered by its old result; what is under way is joined."""

    def list_workflows(**asked: Any) -> list[Any]:
        prefix = asked["workflow_id_prefix"]
        runs = [SimpleNamespace(workflow_id=run, status=status) for run, status in statuses.items()]
        return [run for run in runs if run.workflow_id.startswith(prefix)]

    assert engine.next_attempt(SimpleNamespace(list_workflows=list_workflows), "run") == expected
