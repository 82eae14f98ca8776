"""DBOS, the durable engine: how a process becomes an executor, and how others look at its database.

The five rules (tried with 3.4.0): MLX never lives in one of its threads (see
`child`); an executor has a stable id and holds the lock of that name while it
runs (`fleet/locks.py`); looking and commanding goes through `DBOSClient`; version
and serializer are fixed; a failed id stays failed and a retry is a recorded fork.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import filelock
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos._dbos import _get_dbos_instance
from dbos._error import DBOSException

from bot.errors import HostError, UsageError
from bot.fleet import keeper, locks
from bot.fleet.attempts import attempt_number, attempts, claim, next_attempt
from bot.fleet.commands import (
    APPLICATION,
    ENDED_BADLY,
    VERSION,
    client,
    commands,
    fork,
    is_paused,
    of_another_version,
    set_paused,
    somebody_works,
    told,
    why_waiting,
)
from bot.fleet.dispatch import UNFINISHED
from bot.fleet.moves import to_queue
from bot.fleet.queues import MAC_QUEUE, machine_of, machine_queue, worker_queue
from bot.fleet.worker import Worker, this_machine
from bot.journal.database import Journal, open_journal
from bot.logs import TextLines
from bot.settings import Settings

__all__ = [
    "ENDED_BADLY", "MAC_QUEUE", "UNFINISHED", "VERSION", "attempt_number", "attempts", "claim", "client",
    "fork", "is_paused", "next_attempt", "of_another_version", "set_paused", "somebody_works",
    "why_waiting",
]  # fmt: skip

PATIENCE = 7.0
"""Seconds that a daemon or worker leaves the step under way after SIGTERM; then it is parked. Ten in all."""
DAEMON_LOCK = "daemon"

log = logging.getLogger("bot")


def executor_id(settings: Settings, role: str) -> str:
    """This machine's stable id for `role` (`main` for the daemon, else the worker's name)."""
    return f"{_machine(settings)}-{role}"


def _machine(settings: Settings) -> str:
    path = settings.home / "host-id"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".host-id.{uuid.uuid4().hex}")
        draft.write_text(uuid.uuid4().hex[:8])
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)  # whole or not at all, and the first one stays
        draft.unlink()
    return path.read_text().strip()


def of_this_machine(settings: Settings, executor: str) -> bool:
    """True for executors of this machine: they share its BOT_HOME, and so the folders of its runs."""
    return machine_of(executor) == _machine(settings)


def lock_of(settings: Settings, executor: str) -> filelock.FileLock:
    """The lock file that says, on SQLite, that the executor is alive."""
    return locks.lock_file(settings.state, executor)


@contextlib.contextmanager
def running(
    settings: Settings,
    role: str,
    *,
    listen: bool = True,
    tags: tuple[str, ...] = (),
    memory_bytes: int | None = None,
    patience: float = 0.0,
    lock_patience: float = 0.0,
    on_lost: Callable[[], None] = keeper.end_this_process,
) -> Iterator[Worker]:
    """Be the executor `role` of this machine for the block: recover its runs, take work, take over the dead.

    At the end a step under way has `patience` seconds to finish; if it does not, the lock is kept until the
    process ends, which it must do now (`end_process`). `on_lost` is called when the lock is lost.
    Raises filelock.Timeout when another process is that executor now (asked for `lock_patience` seconds),
    HostError when the database is out of reach, or the lock was lost. `flow` must be imported before, so that
    its workflows are registered.
    """
    me = this_machine(executor_id(settings, role), tags, memory_bytes, version=VERSION)
    held = locks.open_locks(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: None if steps_are_running() else held.close())
        held.hold(me.executor, lock_patience)
        _log_to_file(settings)
        journal = _prepared(settings)
        stack.callback(journal.close)
        client_ = stack.enter_context(commands(settings, retry=False)) if settings.database_url else None
        if client_ is not None:
            _keep_here(client_, me.executor)
        stack.callback(_leave, patience)
        _launch(settings, me.executor, listen)
        kept = keeper.Keeper(me, held, journal, client_, VERSION, on_lost)
        kept.start()
        stack.callback(kept.stop)
        yield me
        if kept.lost:
            raise HostError(
                f"{me.executor} lost its connection to the database, and with it the lock that keeps others "
                "from its runs: start it again, its runs go on where they were"
            )


def _prepared(settings: Settings) -> Journal:
    """The journal and (on Postgres, before anything looks at them) DBOS's tables. Each makes its own under a
    lock of the database, so that workers started together do not make them twice."""
    if settings.database_url:
        with told():
            DBOS.migrate(settings.database)
    return open_journal(settings)


def _keep_here(found: DBOSClient, executor: str) -> None:
    """What this executor had when it died goes on on this machine, where its folders are; runs without a
    queue (its publishes) DBOS would put into one from which every machine takes."""
    mine = found.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
    for run in mine:
        part = run.parent_workflow_id is not None
        queue = machine_queue(machine_of(executor)) if part else worker_queue(executor)
        if run.app_version == VERSION and run.queue_name != queue:
            to_queue(found, run.workflow_id, queue, was="PENDING", of=executor)


def _launch(settings: Settings, executor: str, listen: bool) -> None:
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
    mine = [worker_queue(executor), machine_queue(machine_of(executor))] if settings.database_url else []
    if not listen:
        DBOS.listen_queues([])
    elif mine:
        DBOS.listen_queues(mine)
    with told():
        DBOS.launch()
    # never_update: a pause (concurrency 0) must outlive the next start of a worker.
    DBOS.register_queue(MAC_QUEUE, worker_concurrency=1, polling_interval_sec=0.5, on_conflict="never_update")
    for name, at_once in zip(mine, (1, None), strict=False):
        DBOS.register_queue(
            name, worker_concurrency=at_once, polling_interval_sec=0.5, on_conflict="never_update"
        )


def _log_to_file(settings: Settings) -> None:
    """DBOS's own warnings go to a bounded file; people read sentences, not its tracebacks."""
    folder = settings.state / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(folder / "engine.log", maxBytes=2_000_000, backupCount=3)
    handler.setFormatter(TextLines())
    logger = logging.getLogger("dbos")
    logger.handlers = [handler]
    logger.propagate = False


def _leave(patience: float) -> None:
    """Take no more work; let the step under way finish for a while."""
    try:
        under_way = len(_get_dbos_instance()._active_workflows_set.activeList())
    except DBOSException:  # it did not come so far
        return
    DBOS.destroy(workflow_completion_timeout_sec=round(patience) if under_way else 0)
    if patience and steps_are_running():
        log.info("parked: %d runs go on from their last finished step at the next start", under_way)


def steps_are_running() -> bool:
    """Whether a thread of DBOS still executes a step; the interpreter would wait for it at its end."""
    end = time.monotonic() + 0.3  # a thread without work needs a moment to go
    while any(thread.name.startswith("dbos-executor-") for thread in threading.enumerate()):
        if time.monotonic() >= end:
            return True
        time.sleep(0.01)
    return False


def end_process(code: int = 0) -> None:
    """End the process now where a step is still under way; its child ends with it, its run stays pending."""
    if steps_are_running():
        logging.shutdown()
        os._exit(code)


@contextlib.contextmanager
def the_daemon(settings: Settings) -> Iterator[None]:
    """Be the only daemon on this database for the block. Raises UsageError when there is another.

    On SQLite the executor's own lock says that already.
    """
    held = locks.open_locks(settings)
    try:
        if settings.database_url:
            _hold_alone(held)
        yield
    finally:
        held.close()


def _hold_alone(held: locks.Locks) -> None:
    try:
        held.hold(DAEMON_LOCK, 2.0)
    except filelock.Timeout:
        raise UsageError(
            "another `bot run` uses this database: one is enough, on other machines start `bot worker`; "
            "`bot doctor --hosts` shows who is there"
        ) from None
