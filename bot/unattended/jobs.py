"""The daemon's jobs, each of which can be called at any time; `bot.daemon` says when."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from dbos import DBOSClient

from bot.adopt.advisories import advisories
from bot.adopt.reread import reread
from bot.card_sweep import CardSweep
from bot.errors import BotError, HubUnavailable, NotFound
from bot.housekeeping.nightly import keep_house
from bot.publish.account import writable
from bot.recipes.book import Book
from bot.records import BaseRevision, Plan, Record, from_json
from bot.space.folders import make_room
from bot.unattended.desk import Desk
from bot.unattended.ended import tell_ended
from bot.unattended.propose import Decided, propose_all
from bot.unattended.start import start_due
from bot.unattended.trouble import News, Troubles
from bot.watch.sweep import SweepResult, look_at, nightly, sweep
from bot.watch.watchlist import Watchlist, entry_for, load_watchlist

log = logging.getLogger("bot")


class Sweep(Record, frozen=True, kw_only=True):
    """One sweep: what changed and what became of it, which entries could not be looked at, which recipe
    files cannot be used, how many requests it took."""

    at: str
    decided: tuple[Decided, ...] = ()
    errors: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    requests: int = 0


def _of_runs(client: DBOSClient | None, repo: str) -> BaseRevision | None:
    """The revision of a base that was taken up last, as the newest run knows it."""
    if client is None:
        return None
    found: list[Any] = client.list_workflows(
        name="family", workflow_id_prefix=f"family:{repo}@", sort_desc=True, limit=1, load_output=False
    )
    if not found or found[0].input is None:
        return None
    return from_json(Plan, found[0].input["args"][0]).base


def look_once(desk: Desk, watchlist: Watchlist, now: datetime, *, keep: bool) -> Sweep:
    """Look at everything watched and decide. With `keep` the decisions are written down."""
    seen = partial(_of_runs, desk.client)
    return _told(desk, watchlist, sweep(watchlist, desk.door, desk.journal, now, seen=seen), keep=keep)


def _told(desk: Desk, watchlist: Watchlist, found: SweepResult, *, keep: bool) -> Sweep:
    return Sweep(
        at=found.at,
        decided=propose_all(desk, watchlist, found, keep=keep),
        errors=found.errors,
        recipes=tuple(Book(watchlist.folders).mistakes().values()),
        requests=found.requests,
    )


class Jobs:
    """Sweep, tick and night over one desk. One at a time each, and sweeps never beside each other."""

    def __init__(
        self,
        desk: Desk,
        watchlist: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.desk, self._path, self._clock = desk, watchlist, clock
        self._looking, self._starting = threading.Lock(), threading.Lock()
        self._troubles = Troubles(desk.journal)
        self._cards = CardSweep()
        self.swept_at: datetime | None = None

    def wait(self, seconds: float) -> bool:
        """Wait until no look is under way; False when that took longer."""
        ended = self._looking.acquire(timeout=seconds)
        if ended:
            self._looking.release()
        return ended

    def sweep(self) -> Sweep | None:
        """Look at what changed, decide, start what may start. None where there was no sweep, which is
        logged."""
        return self._swept(sweep)

    def nightly(self) -> Sweep | None:
        """The same, with every listing read whole."""
        return self._swept(nightly)

    def look_at(self, repo: str) -> Sweep:
        """A look at one repo, of which somebody (a webhook) said that it changed.

        Raises NotFound for one that is not watched, and what kept it from being looked at: whoever said so
        may say it again.
        """
        if entry_for(load_watchlist(self._path), repo) is None:
            raise NotFound(f"{repo} is not watched: add it to the watchlist, or follow its author")
        _, found, said = self._look(partial(look_at, repo=repo))
        if found.errors:
            raise HubUnavailable(found.errors[0])
        self._go_on_with(said)
        return said

    def night(self) -> None:
        """Whole listings; the account's repos read again; what is old forgotten. One that fails does not keep
        the others from being done."""
        self.nightly()
        self._guarded("the account's repos", self._read_again)
        self._guarded("housekeeping", self._keep_house)
        self._guarded("work folders", self._free_disk)

    def _free_disk(self) -> None:
        gone = make_room(self.desk.settings, self.desk.journal, self.desk.client)
        if gone:
            log.info("%d folders that nobody needs any more are gone", len(gone))

    def _keep_house(self) -> None:
        keep_house(self.desk.settings, self.desk.journal, self._clock().timestamp())

    def _read_again(self) -> None:
        watchlist = load_watchlist(self._path)
        account = writable(self.desk.door, self.desk.settings.account, watchlist.account)
        found = reread(self.desk.door, self.desk.journal, account, advisories(self._path))
        log.info("%s: %d things to mend, `bot history --kind repair` lists them", account, len(found))

    def _guarded(self, area: str, job: Callable[[], object]) -> None:
        """Do a job; what goes wrong with it is told, once for as long as it is."""
        try:
            job()
        except BotError as error:
            self._wrong(area, {area: f"{area}: {error}"})
        except Exception as error:
            text = f"{area}: an unexpected {type(error).__name__}, the log has it whole"
            if area in self._wrong(area, {area: text}).began:
                log.exception("a mistake of the bot's own")
        else:
            self._wrong(area, {})

    def tick(self) -> None:
        """Tell what ended and start what is approved and fits."""
        with self._starting:
            self._guarded("starting", self._go_on)

    def _go_on(self) -> None:
        watchlist = load_watchlist(self._path)
        for ending in tell_ended(self.desk):
            log.info("%s", ending.text)
        for started in start_due(self.desk, watchlist, self._clock()):
            log.info("%s: %s", started.repo, started.run or started.error or "nothing to do")

    def _swept(self, look: Callable[..., SweepResult]) -> Sweep | None:
        """One look at everything; a mistake in the watchlist or a Hub that is down waits for the next."""
        try:
            watchlist, found, said = self._look(look)
        except BotError as error:
            self._wrong("sweep", {"watching": f"no sweep: {error}"})  # what a former one found goes on
            return None
        self._wrong("sweep", {})
        self.swept_at = self._clock()
        self._complain(watchlist, found, said)
        self._go_on_with(said)
        return said

    def _look(self, look: Callable[..., SweepResult]) -> tuple[Watchlist, SweepResult, Sweep]:
        """Look with the watchlist as it is now, and write down what is decided. Raises BotError."""
        with self._looking:
            watchlist = load_watchlist(self._path)
            seen = partial(_of_runs, self.desk.client)
            found = look(watchlist, self.desk.door, self.desk.journal, now=self._clock(), seen=seen)
            return watchlist, found, _told(self.desk, watchlist, found, keep=True)

    def _go_on_with(self, said: Sweep) -> None:
        for one in said.decided:
            log.info("%s at %s (%s): %s", one.repo, one.sha[:12], one.kind, one.waits or one.plan)
        self.tick()

    def _complain(self, watchlist: Watchlist, found: SweepResult, said: Sweep) -> None:
        wrong = dict(zip(found.failed, found.errors, strict=True))
        wrong |= {f"recipe {number}": text for number, text in enumerate(said.recipes)}
        try:
            self._cards(self.desk.settings, watchlist)
        except BotError as error:
            wrong["cards"] = f"cards were not looked at: {error}"
        self._wrong("watching", wrong)

    def _wrong(self, area: str, now: dict[str, str]) -> News:
        """Log and tell what is wrong, once for as long as it is."""
        try:
            found = self._troubles.about(area, now)
        except BotError as error:
            log.warning("%s", error)
            return News()
        for text in found.began.values():
            log.warning("%s", text)
        for cause in found.over:
            log.info("%s: that is over", cause)
        return found
