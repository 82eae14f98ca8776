"""Looking at runs and commanding them, from any process beside the one that executes them. Never launches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy
from dbos import DBOSClient, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import HostError, NotFound, UsageError
from bot.fleet import dispatch, locks
from bot.fleet.attempts import next_attempt
from bot.fleet.dispatch import UNFINISHED
from bot.fleet.queues import MAC_QUEUE, worker_queue
from bot.fleet.worker import Worker
from bot.journal import workers
from bot.journal.database import journal
from bot.settings import Settings

APPLICATION = "qx-bot"
VERSION = "1"
"""Raised only together with a migration: runs of another version are not recovered (`of_another_version`)."""

ENDED_BADLY = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """The database's errors as one sentence."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise HostError(
            f"the database cannot be opened ({type(error).__name__}): check BOT_HOME or BOT_DATABASE_URL, "
            "`bot doctor` says more"
        ) from error


@contextlib.contextmanager
def client(settings: Settings) -> Iterator[DBOSClient]:
    """A client of the database. Raises NotFound when nothing ever ran here, HostError when out of reach."""
    if not settings.database_url and not (settings.state / "bot.sqlite").exists():
        raise NotFound(f"nothing has run yet under {settings.state}: start with `bot publish` or `bot run`")
    with commands(settings) as found:
        if not _was_launched(found):
            raise NotFound("nothing has run yet on this database: start with `bot publish` or `bot run`")
        yield found


@contextlib.contextmanager
def commands(settings: Settings, *, retry: bool = True) -> Iterator[DBOSClient]:
    """`client`, of a database that is known to be there. With `retry` it waits for one that went away.

    Raises HostError.
    """
    try:
        found = DBOSClient(
            system_database_url=settings.database,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=retry,
        )
    except (SQLAlchemyError, OSError) as error:
        raise HostError(f"the database cannot be read ({type(error).__name__}): see `bot doctor`") from error
    try:
        yield found
    finally:
        found.destroy()


def _was_launched(found: DBOSClient) -> bool:
    """The database may hold the journal alone: DBOS makes its tables when an executor starts."""
    with told(), found._sys_db.engine.connect() as connection:
        schema = None if connection.dialect.name == "sqlite" else "dbos"
        versions = sqlalchemy.table("application_versions", schema=schema)
        if not sqlalchemy.inspect(connection).has_table(versions.name, schema=schema):
            return False
        return bool(connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(versions)))


def who_lives(settings: Settings) -> tuple[list[Worker], set[str], float]:
    """The workers seen in the last days, the executors of those that live, and the time by the clock of their
    beats. Raises HostError."""
    with journal(settings) as opened:
        known, now = workers.listed(opened)
    with contextlib.closing(locks.open_locks(settings)) as looking:
        return known, looking.held({one.executor for one in known}), now


def somebody_works(settings: Settings) -> bool:
    """Whether an executor of the fleet is alive (Postgres). Raises HostError."""
    _, alive, _ = who_lives(settings)
    return bool(alive)


def why_waiting(settings: Settings, found: DBOSClient) -> dict[str, str]:
    """By run, why a fleet has not begun it yet; nothing on SQLite, where whoever is free takes what waits.

    Raises HostError.
    """
    if not settings.database_url:
        return {}
    known, alive, now = who_lives(settings)
    placement = dispatch.look(found, known, alive, VERSION, now)
    return {one.run: one.why for one in placement.waiting}


def of_another_version(found: DBOSClient) -> list[Any]:
    """The unfinished runs that this bot cannot go on with: another version began them."""
    runs = found.list_workflows(
        status=list(UNFINISHED), has_parent=False, load_input=False, load_output=False
    )
    return [run for run in runs if run.app_version not in (VERSION, None)]


def fork(found: DBOSClient, run_id: str) -> str:
    """Retry a failed or cancelled run from the step that failed, as a recorded fork. Returns the new id.

    A run of another version that is not over is cancelled, and begun anew by this one.
    Raises NotFound for an unknown run, UsageError for one that is not over or went well.
    """
    known = found.list_workflows(workflow_ids=[run_id], load_input=False)
    if not known:
        raise NotFound(f"there is no run {run_id!r}: `bot status` lists them")
    other = known[0].app_version not in (VERSION, None)
    if other and known[0].status in UNFINISHED:
        found.cancel_workflow(run_id, cancel_children=True)
    elif known[0].status not in ENDED_BADLY:
        raise UsageError(
            f"{run_id} is {known[0].status.lower()}: only a failed or cancelled run can be retried"
        )
    first = run_id.split("~")[0]
    new_id, unfinished = next_attempt(found, first)
    if unfinished:
        raise UsageError(f"{new_id} is an attempt of the same run and is under way: wait for it")
    start = 1 if other else _first_to_repeat(found, found.list_workflow_steps(run_id))
    queue = MAC_QUEUE if start == 1 and known[0].name == "family" else _queue_at_its_folders(found, known[0])
    with SetWorkflowID(new_id):
        found.fork_workflow(run_id, start, application_version=VERSION, queue_name=queue)
    return new_id


def _queue_at_its_folders(found: DBOSClient, run: Any) -> str:
    """In a fleet that of the executor which had the run: snapshot and quants lie on its disk. Where it is
    dead, `takeover` decides as for any run of its."""
    if not run.executor_id or found._sys_db.engine.dialect.name == "sqlite":
        return MAC_QUEUE
    return worker_queue(run.executor_id)


def _first_to_repeat(found: DBOSClient, steps: list[Any]) -> int:
    """The number of the first step that did not go well, or of the one after the last.

    A run that it started and that ended badly is started anew, under a new attempt: from the `claim` of its
    id, which stands right before the start.
    """
    for step in steps:
        child = step["child_workflow_id"]
        if child and not step["function_name"].startswith("DBOS."):
            known = found.list_workflows(workflow_ids=[child], load_input=False, load_output=False)
            if known and known[0].status in ENDED_BADLY:
                return int(step["function_id"]) - 1
        elif step["error"] is not None:
            return int(step["function_id"])
    return len(steps) + 1


def set_paused(found: DBOSClient, paused: bool) -> None:
    """Stop (or let) every worker take new runs from the queue; what runs goes on."""
    queue = found.retrieve_queue(MAC_QUEUE)
    if queue is None:
        raise NotFound("there is no queue yet: start `bot run` or `bot worker` once")
    queue.set_worker_concurrency(0 if paused else 1)


def is_paused(found: DBOSClient) -> bool:
    queue = found.retrieve_queue(MAC_QUEUE)
    return queue is not None and queue.worker_concurrency == 0
