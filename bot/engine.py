"""DBOS, the durable engine: how a process becomes an executor, and how others look at its database.

The five rules (tried with 3.4.0): MLX never lives in one of its threads (see
`child`); an executor has a stable id and holds the lock of that name while it
runs; looking and commanding goes through `DBOSClient`; version and serializer
are fixed; a failed id stays failed and a retry is a recorded fork.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import filelock
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import HostError, NotFound, UsageError
from bot.settings import Settings

APPLICATION = "qx-bot"
VERSION = "1"
"""Raised only together with a migration: runs of another version are not recovered."""

MAC_QUEUE = "mac"
TAKE_OVER_EVERY = 2.0
"""Seconds between looks for runs whose executor is gone."""

UNFINISHED = ("PENDING", "ENQUEUED", "DELAYED")
ENDED_BADLY = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


# ------------------------------------------------------------------ being an executor


def executor_id(settings: Settings, role: str) -> str:
    """This machine's stable id for `role` (`main` for the daemon, else the worker's name)."""
    return f"{_machine(settings)}-{role}"


def _machine(settings: Settings) -> str:
    path = settings.home / "host-id"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), path.open("x") as file:
        file.write(uuid.uuid4().hex[:8])
    return path.read_text().strip()


def of_this_machine(settings: Settings, executor: str) -> bool:
    """True for executors whose locks this machine can judge; another machine's lock file is not here."""
    return executor.startswith(f"{_machine(settings)}-")


def lock_of(settings: Settings, executor: str) -> filelock.FileLock:
    """The lock that says the executor is alive; the system frees it when its process dies."""
    folder = settings.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(folder / f"{executor}.lock", thread_local=False)


@contextlib.contextmanager
def running(settings: Settings, role: str, *, listen: bool = True) -> Iterator[None]:
    """Be the executor `role` of this machine for the block: recover its runs, take work, take over the dead.

    Raises filelock.Timeout when another process is that executor now, HostError when the database is out
    of reach. `flow` must be imported before, so that its workflows are registered.
    """
    executor = executor_id(settings, role)
    with lock_of(settings, executor).acquire(timeout=0):
        _launch(settings, executor, listen)
        stop = threading.Event()
        watcher = threading.Thread(target=_take_over, args=(settings, executor, stop), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join(TAKE_OVER_EVERY + 1)
            DBOS.destroy(workflow_completion_timeout_sec=0)


def _launch(settings: Settings, executor: str, listen: bool) -> None:
    _log_to_file(settings)
    config = DBOSConfig(
        name=APPLICATION,
        system_database_url=settings.database,
        executor_id=executor,
        application_version=VERSION,
        serializer=DBOSPortableJSONSerializer(),
        log_level="WARNING",
        enable_otlp=False,
    )
    DBOS(config=config)
    if not listen:
        DBOS.listen_queues([])
    try:
        DBOS.launch()
    except (SQLAlchemyError, OSError) as error:
        raise HostError(
            f"the database cannot be opened ({type(error).__name__}): check BOT_HOME or BOT_DATABASE_URL, "
            "`bot doctor` says more"
        ) from error
    # never_update: a pause (concurrency 0) must outlive the next start of a worker.
    DBOS.register_queue(MAC_QUEUE, worker_concurrency=1, polling_interval_sec=0.5, on_conflict="never_update")


def _log_to_file(settings: Settings) -> None:
    """DBOS's own warnings go to a bounded file; people read sentences, not its tracebacks."""
    folder = settings.state / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(folder / "engine.log", maxBytes=2_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("dbos")
    logger.handlers = [handler]
    logger.propagate = False


def _take_over(settings: Settings, me: str, stop: threading.Event) -> None:
    """Recover the pending runs of every executor of this machine whose lock is free: its process is gone."""
    while not stop.wait(TAKE_OVER_EVERY):
        for executor in {run.executor_id for run in DBOS.list_workflows(status="PENDING", load_input=False)}:
            if executor and executor != me and of_this_machine(settings, executor):
                _recover_if_dead(settings, executor)


def _recover_if_dead(settings: Settings, executor: str) -> None:
    with contextlib.suppress(filelock.Timeout), lock_of(settings, executor).acquire(timeout=0):
        DBOS._recover_pending_workflows([executor])


# ------------------------------------------------------------------ looking and commanding


@contextlib.contextmanager
def client(settings: Settings) -> Iterator[DBOSClient]:
    """A client of the database. Raises NotFound when nothing ever ran here, HostError when out of reach."""
    if not settings.database_url and not (settings.state / "bot.sqlite").exists():
        raise NotFound(f"nothing has run yet under {settings.state}: start with `bot publish` or `bot run`")
    try:
        found = DBOSClient(
            system_database_url=settings.database,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )
    except (SQLAlchemyError, OSError) as error:
        raise HostError(f"the database cannot be read ({type(error).__name__}): see `bot doctor`") from error
    try:
        yield found
    finally:
        found.destroy()


def attempts(source: Any, run_id: str) -> list[Any]:
    """All attempts of one request, oldest first: `run_id`, `run_id~2`, … (`source`: DBOS or a client)."""
    found = source.list_workflows(workflow_id_prefix=run_id, load_input=False, load_output=False)
    mine = [run for run in found if run.workflow_id.split("~")[0] == run_id]
    return sorted(mine, key=lambda run: attempt_number(run.workflow_id))


def attempt_number(run_id: str) -> int:
    """1 for the first attempt, N for `…~N`."""
    return int(run_id.rsplit("~", 1)[1]) if "~" in run_id else 1


def next_attempt(source: Any, run_id: str) -> tuple[str, bool]:
    """The id under which a request runs now: (the unfinished attempt, True) or (a fresh id, False).

    A run that failed, was cancelled, or ended while the plan still finds work is never answered by its old
    result: it gets a new id.
    """
    known = attempts(source, run_id)
    for run in known:
        if run.status in UNFINISHED:
            return run.workflow_id, True
    return (f"{run_id}~{attempt_number(known[-1].workflow_id) + 1}" if known else run_id), False


def fork(found: DBOSClient, run_id: str) -> str:
    """Retry a failed or cancelled run from the step that failed, as a recorded fork. Returns the new id.

    Raises NotFound for an unknown run, UsageError for one that is not over or went well.
    """
    known = found.list_workflows(workflow_ids=[run_id], load_input=False)
    if not known:
        raise NotFound(f"there is no run {run_id!r}: `bot status` lists them")
    if known[0].status not in ENDED_BADLY:
        raise UsageError(
            f"{run_id} is {known[0].status.lower()}: only a failed or cancelled run can be retried"
        )
    first = run_id.split("~")[0]
    new_id, unfinished = next_attempt(found, first)
    if unfinished:
        raise UsageError(f"{new_id} is an attempt of the same run and is under way: wait for it")
    start = _first_to_repeat(found, found.list_workflow_steps(run_id))
    with SetWorkflowID(new_id):
        found.fork_workflow(run_id, start, application_version=VERSION, queue_name=MAC_QUEUE)
    return new_id


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
