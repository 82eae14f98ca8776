"""The names of DBOS's queues, and of the executors that take from them.

    mac                   what waits. SQLite: whoever is free takes it. Postgres: placement moves it on
    worker:<executor>     placed on that executor, which does one at a time
    here:<machine>        parts of a run that need the disk on which it was begun

An executor's id is `<machine>-<role>`; executors of one machine share its BOT_HOME.
"""

from __future__ import annotations

MAC_QUEUE = "mac"
_WORKER = "worker:"


def worker_queue(executor: str) -> str:
    return f"{_WORKER}{executor}"


def machine_queue(machine: str) -> str:
    return f"here:{machine}"


def placed_on(queue: str | None) -> str | None:
    """The executor on which a run in this queue is placed, or None."""
    return queue.removeprefix(_WORKER) if queue and queue.startswith(_WORKER) else None


def machine_of(executor: str) -> str:
    return executor.split("-", 1)[0]
