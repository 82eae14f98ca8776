"""Runs: started once, followed to their end, listed, cancelled, retried. The library under the commands.

A command that starts a run also executes it when no daemon does (`fleet/host.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import msgspec
from dbos import DBOSClient, EnqueueOptions

from bot import engine
from bot.errors import BY_NAME, BotError, Cancelled, NeedsPerson, NotFound, UsageError
from bot.events import Event, follow
from bot.fleet import dispatch, share_workflow, takeover
from bot.fleet.host import MAIN as MAIN
from bot.fleet.host import Host as Host
from bot.flow import family_id
from bot.plan.proposal import Need
from bot.records import FamilyResult, Plan, PublishedRepo, Record, from_json, to_json
from bot.settings import Settings

POLL = 0.3

WORDS = {
    "PENDING": "running",
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "SUCCESS": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "parked",
}
"""How DBOS's states are called in front of people."""

KINDS = ("family", "publish", "patch", "share")
"""The workflows that people are shown."""

WORKFLOWS = (share_workflow.share,)
"""Importing its module registers it, as importing `flow` registers the others: whoever executes needs all."""


class Step(Record, frozen=True, kw_only=True):
    """One finished step of a run. Times are Unix seconds."""

    name: str
    started: float | None = None
    ended: float | None = None
    error: str | None = None


class Run(Record, frozen=True, kw_only=True):
    """One run as `bot status` shows it. `stopped`: by repo, why the gate kept it private. `version`: of the
    bot that began it, where this one cannot go on with it. `went_on_as`: the attempt on another machine."""

    id: str
    kind: str
    state: str
    started: float
    ended: float | None = None
    steps: tuple[Step, ...] = ()
    error: str | None = None
    error_kind: str | None = None
    retry_of: str | None = None
    executor: str | None = None
    version: str | None = None
    went_on_as: str | None = None
    stopped: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


def start(
    client: DBOSClient, plan: Plan, need: Need | None = None, priority: float = 0.0
) -> tuple[str, bool]:
    """Put the plan's family into the queue. Returns its run id, and whether that run was there already.

    In a fleet `need` says where it may run; higher `priority` first. Raises NeedsPerson when another version
    of bot began this run and has not ended it.
    """
    run, joined = engine.next_attempt(client, family_id(plan))
    if joined:
        _refuse_another_version(client, run)
    else:
        options = EnqueueOptions(
            queue_name=engine.MAC_QUEUE,
            workflow_name="family",
            workflow_id=run,
            app_version=engine.VERSION,
            attributes=dispatch.attributes(need or Need(), priority),
        )
        client.enqueue(options, to_json(plan))
    return run, joined


def _refuse_another_version(client: DBOSClient, run: str) -> None:
    other = {one.workflow_id for one in engine.of_another_version(client)}
    if run in other:
        raise NeedsPerson(
            f"{run} was begun by another version of bot and is not over: let that bot end it, or "
            f"`bot retry '{run}'` cancels it and begins it anew"
        )


def unfinished(settings: Settings, plan: Plan) -> bool:
    """True when a run of exactly this request was begun and is not over."""
    with contextlib.suppress(NotFound), engine.client(settings) as client:
        return engine.next_attempt(client, family_id(plan))[1]
    return False


def wait(
    host: Host, client: DBOSClient, settings: Settings, run: str, on_event: Callable[[Event], None]
) -> FamilyResult:
    """Follow a family to its end. Raises the error it ended with, under the class it had."""
    read: dict[str, int] = {}

    def tell(attempt: str) -> None:
        for event, end in follow(settings.run_folder(attempt) / "events.jsonl", read.get(attempt, 0)):
            on_event(event)
            read[attempt] = end

    return from_json(FamilyResult, wait_ended(host, client, run, tell))


def wait_ended(
    host: Host, client: DBOSClient, run: str, on_look: Callable[[str], None] = lambda _: None
) -> Any:
    """Follow a run of any kind to its end, also when another machine goes on with it; returns its output as
    JSON. `on_look` is called at each look, with the attempt that is followed. Raises as `wait`."""
    while True:
        status = _status(client, run)
        on_look(run)
        went_on = takeover.went_on_as(client, status)
        if went_on is None and status.status not in engine.UNFINISHED:
            _raise_if_ended_badly(status)
            return status.output
        run = went_on or run
        host.try_to_execute()
        time.sleep(POLL)


def _status(client: DBOSClient, run: str) -> Any:
    found = client.list_workflows(workflow_ids=[run], load_input=False)
    if not found:
        raise NotFound(f"there is no run {run!r}: `bot status` lists them")
    return found[0]


def _raise_if_ended_badly(status: Any) -> None:
    if status.status == "CANCELLED":
        raise Cancelled(f"{status.workflow_id} was cancelled: `bot retry {status.workflow_id}` goes on")
    if status.status != "SUCCESS":
        kind = BY_NAME.get(getattr(status.error, "name", ""), BotError)
        raise kind(f"{status.error or 'it was recovered too often'}")


def listed(client: DBOSClient, limit: int = 50) -> list[Run]:
    """The newest runs first, with their steps: families, publishes, patches, shares of a measurement."""
    found = client.list_workflows(name=list(KINDS), sort_desc=True, limit=limit, load_input=False)
    return [describe(client, status) for status in found]


def describe(client: DBOSClient, status: Any) -> Run:
    steps = client.list_workflow_steps(status.workflow_id)
    stops, went_on = _stopped(status), takeover.went_on_as(client, status)
    return Run(
        id=status.workflow_id,
        kind=status.name,
        state=_state(status, stops, went_on),
        started=(status.created_at or 0) / 1000,
        ended=status.completed_at / 1000 if status.completed_at else None,
        steps=tuple(_step(step) for step in steps if not step["function_name"].startswith("DBOS.")),
        error=str(status.error) if status.error else None,
        error_kind=getattr(status.error, "name", None),
        retry_of=status.forked_from,
        executor=status.executor_id,
        version=None if status.app_version in (engine.VERSION, None) else status.app_version,
        went_on_as=went_on,
        stopped=stops,
    )


def _state(status: Any, stops: dict[str, tuple[str, ...]], went_on: str | None) -> str:
    if stops:
        return "stopped"
    return "moved" if went_on else WORDS.get(status.status, status.status.lower())


def _stopped(status: Any) -> dict[str, tuple[str, ...]]:
    """What the gate stopped in a finished run, with its reasons."""
    if status.status != "SUCCESS" or status.output is None:
        return {}
    if status.name == "publish":
        found = [from_json(PublishedRepo, status.output)]
    elif status.name != "family":
        return {}
    else:
        outcomes = from_json(FamilyResult, status.output).outcomes
        found = [o.published for o in outcomes if o.published is not None and o.status == "stopped"]
    return {
        p.repo: p.gate.reasons for p in found if p.gate is not None and not p.gate.passed and not p.public
    }


def _step(step: Any) -> Step:
    return Step(
        name=step["function_name"],
        started=step["started_at_epoch_ms"] / 1000 if step["started_at_epoch_ms"] else None,
        ended=step["completed_at_epoch_ms"] / 1000 if step["completed_at_epoch_ms"] else None,
        error=str(step["error"]) if step["error"] else None,
    )


def cancel(client: DBOSClient, run: str) -> None:
    """Cancel a run and what it started. Raises NotFound, and UsageError when it is over already."""
    status = _status(client, run)
    if status.status not in engine.UNFINISHED:
        raise UsageError(f"{run} is {WORDS.get(status.status, status.status)} already")
    client.cancel_workflow(run, cancel_children=True)
