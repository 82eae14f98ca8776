"""The daemon: APScheduler says when, `bot.unattended` what, DBOS does the work. Never imports mlx.

every `every`     a sweep: what changed, what becomes of it
every ten seconds what ended is told, what is approved and fits is started
every half minute services are told what happened (and the digest, when its hour has come)
once a night      whole listings, the account's repos read again, old state forgotten
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import filelock
from apscheduler.schedulers.background import BackgroundScheduler

from bot import engine, flow, runs
from bot.errors import UsageError
from bot.huggingface import HubDoor
from bot.journal.database import Journal, journal
from bot.notify.notifier import Notifier, wanted_of
from bot.settings import Settings
from bot.unattended.desk import Desk
from bot.unattended.jobs import Jobs
from bot.watch import webhook
from bot.watch.watchlist import load_watchlist
from bot.web import address as web_address
from bot.web.server import WebServer
from bot.web.views import Pulse

log = logging.getLogger("bot")

WORKFLOWS = (flow.family, flow.publish, flow.patch)
"""Importing `flow` registers them, which an executor needs before it launches."""

TICK, NOTIFY = 10, 30
"""Seconds between two looks at what may start, and at what is to be told."""

RESTARTED = 3.0
"""Seconds that a daemon waits for its own lock: its former process may be ending just now."""

NIGHT = {"hour": 3, "minute": 17}
"""When the night's work is done, by the machine's clock."""


def run(settings: Settings, watchlist: Path) -> None:
    """Watch, decide and execute until SIGTERM or SIGINT. Raises UsageError when a daemon runs here already,
    ConfigError for a mistake in the watchlist or the page's address."""
    load_watchlist(watchlist)  # a mistake is said at the start, not at the first sweep
    stop = threading.Event()

    def ask_to_stop(signum: int, frame: FrameType | None) -> None:
        log.info("stopping")
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ask_to_stop)
    try:
        with (
            engine.the_daemon(settings),
            engine.running(settings, runs.MAIN, patience=engine.PATIENCE, lock_patience=RESTARTED),
            engine.client(settings) as client,
            journal(settings) as opened,
        ):
            desk = Desk(settings=settings, door=HubDoor(settings), journal=opened, client=client)
            jobs = Jobs(desk, watchlist)
            with _at_its_hours(jobs, desk, watchlist):
                stop.wait()
        _end_looking(jobs)
    except filelock.Timeout:
        raise UsageError(
            f"another `bot run` or `bot publish` executes under {settings.home}: one is enough, "
            "`bot status` shows what it does"
        ) from None


def _end_looking(jobs: Jobs) -> None:
    """A look that waits for the Hub is cut off with the process; what it did not write the next one finds."""
    if not jobs.wait(2.0):
        logging.shutdown()
        os._exit(0)


@contextlib.contextmanager
def _at_its_hours(jobs: Jobs, desk: Desk, watchlist: Path) -> Iterator[None]:
    """The scheduler and the page, for the length of the block."""
    every = load_watchlist(watchlist).every_seconds
    notifier = Notifier(desk.settings, desk.journal, lambda: wanted_of(watchlist))
    notifier.check()
    scheduler = BackgroundScheduler(
        # Woken from sleep, a machine does once what it missed, however late.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    now = datetime.now(UTC)
    sweep = scheduler.add_job(jobs.sweep, "interval", seconds=every, next_run_time=now)
    scheduler.add_job(jobs.tick, "interval", seconds=TICK)
    scheduler.add_job(notifier.tick, "interval", seconds=NOTIFY)
    scheduler.add_job(jobs.night, "cron", **NIGHT)

    def pulse() -> Pulse:
        next_run = getattr(sweep, "next_run_time", None)
        return Pulse(
            last_sweep=jobs.swept_at.timestamp() if jobs.swept_at else None,
            next_sweep=next_run.timestamp() if next_run else None,
            every=every,
            scheduler_alive=scheduler.running,
            started=now.timestamp(),
        )

    with _page(desk.settings, desk.journal, jobs, pulse):
        scheduler.start()
        log.info("watching, a sweep every %g s; stop with Ctrl-C or SIGTERM", every)
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            notifier.stop()


@contextlib.contextmanager
def _page(settings: Settings, opened: Journal, jobs: Jobs, pulse: Callable[[], Pulse]) -> Iterator[None]:
    """The page, where BOT_WEB does not say `off`."""
    where = web_address.from_environment()
    if where is None:
        yield
        return
    routes = webhook.routes(opened, webhook.secret_from_environment(), jobs.look_at)
    server = WebServer(settings, opened, where, pulse, routes)
    log.info("the page: %s", server.start())
    try:
        yield
    finally:
        server.stop()
