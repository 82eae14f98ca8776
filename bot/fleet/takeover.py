"""Going on with what a dead executor left. Pure decision (`decide`), and the edge that carries it out.

A run is bound to the disk on which it was begun: its snapshot and quants lie there. An executor of the same
machine goes on with it from the step that was running. On another machine nothing of it is there: once the
machine was silent for `grace` seconds, the run is taken up from its first step, as a recorded fork, and the
old attempt is cancelled. What it had published already is not published again (`engine.claim`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

from dbos import DBOSClient, SetWorkflowID

from bot.fleet import moves
from bot.fleet.attempts import attempts, fresh_id
from bot.fleet.queues import MAC_QUEUE, machine_of, machine_queue, placed_on, worker_queue
from bot.records import Record

GRACE = 300.0
"""Seconds for which a machine may be silent (a restart, an upgrade) before others begin its runs anew."""

MOVED = "moved_from"
"""Attribute of an attempt that was given up because its machine is gone: the executor that had it."""
NO_FORK = "not_taken_over"
"""Attribute of a run that is simply cancelled then: whoever asked for it does it in another way."""


class Left(Record, frozen=True, kw_only=True):
    """A run that belongs to an executor which is not alive. `part`: another run started it. `begun`: a step
    of it is recorded, so that something of it may lie on a disk."""

    run: str
    executor: str
    status: Literal["PENDING", "ENQUEUED"]
    queue: str | None = None
    part: bool = False
    begun: bool = True
    forkable: bool = True


class Step(Record, frozen=True, kw_only=True):
    """What is done with a run: `queue` it there as it is, `fork` it from its first step, or `cancel` it."""

    left: Left
    do: Literal["queue", "fork", "cancel"]
    queue: str = MAC_QUEUE


def decide(
    left: Sequence[Left],
    me: str,
    *,
    idle: bool,
    alive: Collection[str],
    silent: dict[str, float],
    grace: float,
) -> list[Step]:
    """What the executor `me` does about each. `idle`: it has no run of its own. `silent`: seconds since the
    last beat, by executor; one that is not there never beat."""
    living = {machine_of(executor) for executor in alive}
    steps: list[Step] = []
    for one in left:
        machine = machine_of(one.executor)
        if machine == machine_of(me):
            if one.part:
                steps.append(Step(left=one, do="queue", queue=machine_queue(machine)))
            elif idle:
                steps.append(Step(left=one, do="queue", queue=worker_queue(me)))
                idle = False
        elif machine not in living and silent.get(one.executor, grace) >= grace:
            steps += _elsewhere(one)
    return steps


def _elsewhere(one: Left) -> list[Step]:
    """A part is cancelled with its run, and started again by the fork."""
    if one.part:
        return []
    if not one.begun:
        return [Step(left=one, do="queue")]
    return [Step(left=one, do="fork" if one.forkable else "cancel")]


def left_by_the_dead(
    client: DBOSClient, runs: Iterable[Any], me: str, alive: Collection[str], version: str
) -> list[Left]:
    """Of the unfinished runs, those whose executor does not live."""
    found = []
    for run in runs:
        owner = run.executor_id if run.status == "PENDING" else placed_on(run.queue_name)
        if not owner or owner == me or owner in alive or run.app_version != version:
            continue
        found.append(
            Left(
                run=run.workflow_id,
                executor=owner,
                status=run.status,
                queue=run.queue_name,
                part=run.parent_workflow_id is not None,
                begun=bool(client.list_workflow_steps(run.workflow_id, load_output=False, limit=1)),
                forkable=not (run.attributes or {}).get(NO_FORK),
            )
        )
    return found


def carry_out(client: DBOSClient, step: Step, version: str) -> None:
    """Do it. The lock of the dead executor must be borrowed. Killed in the middle, it can be done again."""
    left = step.left
    of = left.executor if left.status == "PENDING" else left.queue
    if step.do == "queue":
        moves.to_queue(client, left.run, step.queue, was=left.status, of=of)
        return
    if step.do == "fork" and not _fork_of(client, left.run):
        first = left.run.split("~")[0]
        with SetWorkflowID(fresh_id(attempts(client, first), first)):
            client.fork_workflow(left.run, 1, application_version=version, queue_name=MAC_QUEUE)
    client.update_workflow_attributes(left.run, {MOVED: left.executor}, merge=True)
    client.cancel_workflow(left.run, cancel_children=True)


def _fork_of(client: Any, run: str) -> list[Any]:
    return list(client.list_workflows(forked_from=run, load_input=False, load_output=False))


def went_on_as(client: Any, run: Any) -> str | None:
    """The attempt that took the place of this run, where it was given up in a take-over."""
    if run.status != "CANCELLED" or MOVED not in (run.attributes or {}):
        return None
    found = _fork_of(client, run.workflow_id)
    return str(found[0].workflow_id) if found else None
