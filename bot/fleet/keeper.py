"""What every executor does beside its work, about once a second: says that it lives, notices when it lost its
lock, goes on with what the dead left, and (one process at a time) places what waits."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from dbos import DBOS, DBOSClient
from dbos._error import DBOSException
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import HostError
from bot.fleet import dispatch, takeover
from bot.fleet.commands import is_paused
from bot.fleet.locks import Locks
from bot.fleet.queues import MAC_QUEUE, machine_of
from bot.fleet.takeover import GRACE
from bot.fleet.worker import Worker
from bot.journal import workers
from bot.journal.database import Journal

log = logging.getLogger("bot")

EVERY_ON_POSTGRES = 1.0
EVERY_ON_SQLITE = 2.0
"""Seconds between two looks."""
BEAT_ON_SQLITE = 30.0
"""Seconds between two beats there: one machine, and one writer at a time."""
PLACER = "placer"
"""The lock of the one who places."""
GRACE_VARIABLE = "BOT_TAKE_OVER_AFTER"
"""Seconds, in the environment: another GRACE."""


def grace() -> float:
    """How long another machine may be silent. Raises HostError for what is no number of seconds."""
    return number_told(GRACE_VARIABLE, GRACE, "a number of seconds, such as 300")


def number_told(variable: str, otherwise: float, wanted: str) -> float:
    """What the environment says, or `otherwise`. Raises HostError for what is not the number `wanted`."""
    told = os.environ.get(variable, "")
    try:
        return float(told) if told else otherwise
    except ValueError:
        raise HostError(f"{variable} is {told[:20]!r}: write {wanted}") from None


def end_this_process() -> None:
    """As a service manager would; it starts the executor again."""
    os.kill(os.getpid(), signal.SIGTERM)


class Keeper:
    """The thread of one executor. `client` is None on SQLite, where DBOS's own queue gives out the work."""

    def __init__(
        self,
        me: Worker,
        locks: Locks,
        journal: Journal,
        client: DBOSClient | None,
        version: str,
        on_lost: Callable[[], None] = end_this_process,
    ) -> None:
        self.me, self._locks, self._journal, self._client = me, locks, journal, client
        self._version, self._on_lost = version, on_lost
        self._grace = grace()
        self._every = EVERY_ON_SQLITE if client is None else EVERY_ON_POSTGRES
        self._beaten = 0.0
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.lost = False

    def start(self) -> None:
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(self._every + 1)

    def _keep(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._look()
                self._said = ""
            except (SQLAlchemyError, DBOSException, HostError, OSError) as error:
                self._complain(error)
            if not self._locks.still_held() and not self._stop.is_set():
                self.lost = True
                log.error(
                    "%s lost its lock on the database: it stops, and must be started again", self.me.executor
                )
                self._on_lost()
                return

    def _complain(self, error: Exception) -> None:
        """Once for each kind of trouble, until it is over."""
        kind = type(error).__name__
        if kind != self._said and not self._stop.is_set():
            log.warning("the database gives trouble (%s): tried again every %g s", kind, self._every)
        self._said = kind

    def _look(self) -> None:
        if self._client is None:
            if time.monotonic() - self._beaten >= BEAT_ON_SQLITE:
                self._beat()
            self._recover_here()
            return
        self._beat()
        self._go_on(self._client)
        with self._locks.borrowed(PLACER) as mine:
            if mine and not is_paused(self._client):
                self._place(self._client)

    def _beat(self) -> None:
        workers.beat(self._journal, self.me)
        self._beaten = time.monotonic()

    def _recover_here(self) -> None:
        """SQLite: DBOS recovers the pending runs of every executor of this machine whose lock is free."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        for executor in {run.executor_id for run in pending if run.executor_id} - {self.me.executor}:
            if machine_of(executor) == machine_of(self.me.executor):
                with self._locks.borrowed(executor) as free:
                    if free:
                        DBOS._recover_pending_workflows([executor])

    def _go_on(self, client: DBOSClient) -> None:
        runs = dispatch.unfinished(client)
        known, now = workers.listed(self._journal)
        alive = self._alive(known, runs)
        left = takeover.left_by_the_dead(client, runs, self.me.executor, alive, self._version)
        if not left:
            return
        steps = takeover.decide(
            left,
            self.me.executor,
            idle=self.me.executor not in dispatch.running_on(runs),
            alive=alive,
            silent={one.executor: now - one.beat_at for one in known},
            grace=self._grace,
        )
        for executor in dict.fromkeys(step.left.executor for step in steps):
            with self._locks.borrowed(executor) as free:
                for step in steps if free else []:
                    if step.left.executor == executor:
                        takeover.carry_out(client, step, self._version)
                        log.info("%s of the dead %s: %s", step.left.run, executor, step.do)

    def _place(self, client: DBOSClient) -> None:
        runs = dispatch.unfinished(client)
        if not any(run.status == "ENQUEUED" and run.queue_name == MAC_QUEUE for run in runs):
            return
        known, now = workers.listed(self._journal)
        found = dispatch.dispatch(client, known, self._alive(known, runs), runs, self._version, now)
        for one in found.placed:
            log.info("%s goes to %s", one.run, one.executor)

    def _alive(self, known: list[Worker], runs: list[Any]) -> set[str]:
        names = {one.executor for one in known} | {run.executor_id for run in runs if run.executor_id}
        return self._locks.held(names)
