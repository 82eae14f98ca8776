"""Runs: started once, followed to their end, listed, cancelled, retried. The library under the commands.

A command that starts a run also executes it when no daemon does: it becomes the
`main` executor of this machine for as long as it waits.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import filelock
import msgspec
from dbos import DBOSClient, EnqueueOptions

from bot import engine
from bot.errors import BY_NAME, BotError, Cancelled, NotFound, UsageError
from bot.events import Event, follow
from bot.flow import family_id
from bot.records import FamilyResult, Plan, PublishedRepo, Record, from_json, to_json
from bot.settings import Settings

POLL = 0.3
MAIN = "main"

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


class Step(Record, frozen=True, kw_only=True):
    """One finished step of a run. Times are Unix seconds."""

    name: str
    started: float | None = None
    ended: float | None = None
    error: str | None = None


class Run(Record, frozen=True, kw_only=True):
    """One run as `bot status` shows it. `stopped`: by repo, why the gate kept it private."""

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
    stopped: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class Host:
    """Executes runs while the block is open, unless a daemon on this machine does already."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self.executing = False

    def __enter__(self) -> Self:
        self.try_to_execute()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def try_to_execute(self) -> None:
        """Become the executor if nobody is; asked again and again, because a foreign one may end."""
        if self.executing:
            return
        with contextlib.suppress(filelock.Timeout):
            self._stack.enter_context(engine.running(self._settings, MAIN))
            self.executing = True


def start(client: DBOSClient, plan: Plan) -> tuple[str, bool]:
    """Put the plan's family into the queue. Returns its run id, and whether that run was there already."""
    run, joined = engine.next_attempt(client, family_id(plan))
    if not joined:
        options = EnqueueOptions(
            queue_name=engine.MAC_QUEUE,
            workflow_name="family",
            workflow_id=run,
            app_version=engine.VERSION,
        )
        client.enqueue(options, to_json(plan))
    return run, joined


def unfinished(settings: Settings, plan: Plan) -> bool:
    """True when a run of exactly this request was begun and is not over."""
    with contextlib.suppress(NotFound), engine.client(settings) as client:
        return engine.next_attempt(client, family_id(plan))[1]
    return False


def wait(
    host: Host, client: DBOSClient, settings: Settings, run: str, on_event: Callable[[Event], None]
) -> FamilyResult:
    """Follow the run to its end. Raises the error it ended with, under the class it had."""
    read = 0
    path = settings.run_folder(run) / "events.jsonl"
    while True:
        status = _status(client, run)
        for event, end in follow(path, read):
            on_event(event)
            read = end
        if status.status not in engine.UNFINISHED:
            return _result(status)
        host.try_to_execute()
        time.sleep(POLL)


def wait_ended(host: Host, client: DBOSClient, run: str) -> Any:
    """Follow a run of any kind without its events; returns its output as JSON."""
    while (status := _status(client, run)).status in engine.UNFINISHED:
        host.try_to_execute()
        time.sleep(POLL)
    _raise_if_ended_badly(status)
    return status.output


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


def _result(status: Any) -> FamilyResult:
    _raise_if_ended_badly(status)
    return from_json(FamilyResult, status.output)


def listed(client: DBOSClient, limit: int = 50) -> list[Run]:
    """The newest runs first, families and publishes, with their steps."""
    found = client.list_workflows(name=["family", "publish"], sort_desc=True, limit=limit, load_input=False)
    return [describe(client, status) for status in found]


def describe(client: DBOSClient, status: Any) -> Run:
    steps = client.list_workflow_steps(status.workflow_id)
    stops = _stopped(status)
    return Run(
        id=status.workflow_id,
        kind=status.name,
        state="stopped" if stops else WORDS.get(status.status, status.status.lower()),
        started=(status.created_at or 0) / 1000,
        ended=status.completed_at / 1000 if status.completed_at else None,
        steps=tuple(_step(step) for step in steps if not step["function_name"].startswith("DBOS.")),
        error=str(status.error) if status.error else None,
        error_kind=getattr(status.error, "name", None),
        retry_of=status.forked_from,
        executor=status.executor_id,
        stopped=stops,
    )


def _stopped(status: Any) -> dict[str, tuple[str, ...]]:
    """What the gate stopped in a finished run, with its reasons."""
    if status.status != "SUCCESS" or status.output is None:
        return {}
    if status.name == "publish":
        found = [from_json(PublishedRepo, status.output)]
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
