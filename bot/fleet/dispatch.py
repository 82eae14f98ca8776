"""The edge of placement: reads what waits and who lives, decides, and moves runs to their workers' queues."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dbos import DBOSClient

from bot.fleet import moves
from bot.fleet.placement import Asked, Placement, Seat, place
from bot.fleet.queues import MAC_QUEUE, placed_on, worker_queue
from bot.fleet.worker import Worker
from bot.plan.proposal import Need
from bot.records import from_json, to_json

UNFINISHED = ("PENDING", "ENQUEUED", "DELAYED")


def attributes(need: Need, priority: float) -> dict[str, Any]:
    """What a run carries for placement, as DBOS keeps it beside the run."""
    return {"need": to_json(need), "priority": priority}


def unfinished(client: DBOSClient) -> list[Any]:
    """All runs that are not over, without their input."""
    return client.list_workflows(status=list(UNFINISHED), load_input=False, load_output=False)


def asked(runs: Iterable[Any], version: str) -> list[Asked]:
    """Of these, what waits to be placed. A run of another version waits for a bot of that version."""
    return [
        Asked(
            run=run.workflow_id,
            need=need_of(run),
            priority=float((run.attributes or {}).get("priority", 0.0)),
            since=(run.created_at or 0) / 1000,
        )
        for run in runs
        if run.status == "ENQUEUED" and run.queue_name == MAC_QUEUE and run.app_version in (version, None)
    ]


def need_of(run: Any) -> Need:
    """What a run carries."""
    return from_json(Need, (run.attributes or {}).get("need", {}))


def running_on(runs: Iterable[Any]) -> dict[str, list[str]]:
    """By executor, the runs that it executes or that are placed on it; parts of a run are not counted."""
    found: dict[str, list[str]] = {}
    for run in runs:
        executor = placed_on(run.queue_name)
        if run.status == "PENDING":
            executor = run.executor_id
        if executor and run.parent_workflow_id is None:
            found.setdefault(executor, []).append(run.workflow_id)
    return found


def seats(workers: Iterable[Worker], alive: Collection[str], runs: Sequence[Any], version: str) -> list[Seat]:
    """The living workers of this version and whether each is free."""
    busy = running_on(runs)
    return [
        Seat(
            executor=one.executor,
            tags=one.tags,
            memory_bytes=one.memory_bytes,
            busy=one.executor in busy,
        )
        for one in workers
        if one.executor in alive and one.facts.get("engine") == version
    ]


def look(
    client: DBOSClient, workers: Sequence[Worker], alive: Collection[str], version: str, now: float
) -> Placement:
    """What placement would do now; for people: why something waits."""
    runs = unfinished(client)
    return place(asked(runs, version), seats(workers, alive, runs, version), now)


def dispatch(
    client: DBOSClient,
    workers: Sequence[Worker],
    alive: Collection[str],
    runs: Sequence[Any],
    version: str,
    now: float,
) -> Placement:
    """Place what waits. One process at a time does this (`keeper`); a run that was cancelled meanwhile stays
    cancelled."""
    found = place(asked(runs, version), seats(workers, alive, runs, version), now)
    for one in found.placed:
        moves.to_queue(client, one.run, worker_queue(one.executor), was="ENQUEUED", of=MAC_QUEUE)
    return found
