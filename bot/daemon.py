"""The daemon: APScheduler triggers sweeps of the watchlist, DBOS does the work. Never imports mlx."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import filelock
from apscheduler.schedulers.background import BackgroundScheduler
from dbos import DBOSClient

from bot import engine, flow, runs
from bot.card_sweep import CardSweep
from bot.errors import BotError, UsageError
from bot.huggingface import HubDoor
from bot.plan.make import check_disk, make_plan
from bot.plan.wishes import wishes_of_entry
from bot.recipes.book import Book
from bot.records import Change, Plan, Record, from_json
from bot.settings import Settings
from bot.watch.sweep import Seen, SweepResult, sweep
from bot.watch.watchlist import Watchlist, entry_for, load_watchlist

log = logging.getLogger("bot")


class Decided(Record, frozen=True, kw_only=True):
    """What one sweep came to about one change: the run it started, or why it waits."""

    repo: str
    sha: str
    kind: str
    run: str | None = None
    waits: str | None = None


class Sweep(Record, frozen=True, kw_only=True):
    """One sweep: what changed and what became of it, which entries could not be looked at, which recipe
    files cannot be used."""

    at: str
    decided: tuple[Decided, ...] = ()
    errors: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()


def known_runs(client: DBOSClient) -> Seen:
    """What the database knows of a repo: the base revision of its newest run, whatever came of it."""

    def seen(repo: str) -> Any:
        found = client.list_workflows(
            name="family", workflow_id_prefix=f"family:{repo}@", sort_desc=True, limit=1, load_output=False
        )
        if not found or found[0].input is None:
            return None
        return from_json(Plan, found[0].input["args"][0]).base

    return seen


def sweep_once(
    settings: Settings,
    watchlist: Watchlist,
    client: DBOSClient | None,
    *,
    start: bool,
    before: SweepResult | None = None,
) -> tuple[Sweep, SweepResult]:
    """Look at everything watched, decide, and (with `start`) put what may be made into the queue.

    `before` is what the previous sweep found: with it, a quiet sweep costs one request an author.
    """
    door = HubDoor(settings)
    now = datetime.now(UTC)
    seen = known_runs(client) if client is not None else (lambda _: None)
    found = sweep(watchlist, door, seen, now, before)
    decided = [Decided(repo=w.repo, sha=w.sha, kind=w.kind, waits=w.reason) for w in found.waiting]
    for change in found.changes:
        decided.append(_decide(settings, door, watchlist, client, change, start))
    said = Sweep(
        at=now.isoformat(timespec="seconds"),
        decided=tuple(decided),
        errors=found.errors,
        recipes=tuple(Book(watchlist.folders).mistakes().values()),
    )
    return said, found


def _decide(
    settings: Settings,
    door: HubDoor,
    watchlist: Watchlist,
    client: DBOSClient | None,
    change: Change,
    start: bool,
) -> Decided:
    """Plan one change and start it. An error about one base is its line, never the sweep's end."""
    outcome = {"repo": change.repo, "sha": change.sha, "kind": change.kind}
    entry = entry_for(watchlist, change.repo)
    assert entry is not None, "the sweep reports watched repos only"
    try:
        wishes = wishes_of_entry(door, settings, entry)
        plan = make_plan(door, settings, change.repo, change.sha, wishes, why=f"{change.kind} (watched)")
        if not plan.to_make():
            return Decided(**outcome, waits="everything is published already")
        check_disk(settings, plan)
        if not start or client is None:
            return Decided(**outcome, waits="would be started by `bot run`")
        run, _ = runs.start(client, plan)
        return Decided(**outcome, run=run)
    except BotError as error:
        return Decided(**outcome, waits=str(error))


def run(settings: Settings, watchlist_path: Path) -> None:
    """Sweep and execute until SIGTERM or SIGINT. Raises UsageError when a daemon runs here already."""
    load_watchlist(watchlist_path)  # a mistake is said at the start, not at the first sweep
    stop = threading.Event()

    def ask_to_stop(signum: int, frame: FrameType | None) -> None:
        log.info("stopping")
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ask_to_stop)
    try:
        with engine.running(settings, runs.MAIN), engine.client(settings) as client:
            _sweep_until(stop, settings, watchlist_path, client)
    except filelock.Timeout:
        raise UsageError(
            f"another `bot run` or `bot publish` executes under {settings.home}: one is enough, "
            "`bot status` shows what it does"
        ) from None


def _sweep_until(stop: threading.Event, settings: Settings, path: Path, client: DBOSClient) -> None:
    last, cards = LastSweep(), CardSweep()

    def job() -> None:
        _sweep_and_log(settings, path, client, last, cards)

    scheduler = BackgroundScheduler(timezone="UTC")
    every = load_watchlist(path).every_seconds
    scheduler.add_job(
        job,
        "interval",
        seconds=every,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    log.info("watching, a sweep every %g s; stop with Ctrl-C or SIGTERM", every)
    stop.wait()
    scheduler.shutdown(wait=False)


class LastSweep:
    """What the previous sweep found, for the next; forgotten once a day, so that one sweep looks at all."""

    def __init__(self) -> None:
        self._found: SweepResult | None = None
        self._day = ""

    def today(self) -> SweepResult | None:
        day = datetime.now(UTC).date().isoformat()
        known = self._found if day == self._day else None
        self._day = day
        return known

    def remember(self, found: SweepResult) -> None:
        self._found = found


def _sweep_and_log(
    settings: Settings, path: Path, client: DBOSClient, last: LastSweep, cards: CardSweep
) -> None:
    """One sweep with the watchlist as it is now; a mistake in it or a Hub that is down waits for the next."""
    try:
        watchlist = load_watchlist(path)
        found, seen = sweep_once(settings, watchlist, client, start=True, before=last.today())
    except BotError as error:
        log.warning("no sweep: %s", error)
        return
    last.remember(seen)
    for one in found.decided:
        log.info("%s at %s (%s): %s", one.repo, one.sha[:12], one.kind, one.run or one.waits)
    for error_text in (*found.errors, *found.recipes):
        log.warning("%s", error_text)
    try:
        cards(settings, watchlist)
    except BotError as error:
        log.warning("cards were not looked at: %s", error)


def work(settings: Settings, name: str) -> None:
    """Take runs from the queue until SIGTERM or SIGINT, as the executor `name` of this machine."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with engine.running(settings, name):
            log.info("worker %s takes runs from the queue %s", name, engine.MAC_QUEUE)
            stop.wait()
    except filelock.Timeout:
        raise UsageError(f"a worker named {name!r} runs here already: give this one another --name") from None


WORKFLOWS = (flow.family, flow.publish)
"""Importing `flow` registers them, which an executor needs before it launches."""
