"""The notifier: looks at the timeline, tells each service what it does not know yet, once a day the digest.

`tick` is called again and again by the daemon's scheduler and never waits for a service: each service has a
thread of its own while it is told something, and one that fails is tried again after a while.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.errors import BotError
from bot.journal import notices
from bot.journal.database import Journal
from bot.journal.timeline import since
from bot.notify.breakfast import MOST_EVENTS, tell_digest
from bot.notify.decide import GIVE_UP
from bot.notify.outbox import Outbox
from bot.notify.services import Service, file_of, services
from bot.notify.settings import Wanted
from bot.settings import Settings
from bot.watch.watchlist import load_watchlist

log = logging.getLogger("bot.notify")

LOOK_BACK = 2 * GIVE_UP


def wanted_of(watchlist: Path) -> Wanted:
    """`notify:` of the watchlist file as it is now. Raises ConfigError."""
    found = load_watchlist(watchlist)
    account = None if found.account is None else str(found.account)
    return Wanted(notify=found.notify, folder=watchlist.parent, account=account)


class Notifier:
    """Tells the services. `wanted` is asked at each tick, so that an edited watchlist counts at once."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        wanted: Callable[[], Wanted],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._journal, self._wanted, self._clock = settings, journal, wanted, clock
        self._boxes: dict[str, Outbox] = {}
        self._said: str | None = None

    def check(self) -> tuple[Service, ...]:
        """The services, which hear of what happens from now on. Raises ConfigError (a mistake), HostError."""
        wanted = self._wanted()
        found = services(wanted.notify, os.environ, wanted.folder)
        self._known_since([service.name for service in found], self._clock())
        path = file_of(wanted.notify, wanted.folder)
        if path is not None and path.stat().st_mode & 0o077:
            log.warning("notifications: %s can be read by others: `chmod 600` it", path)
        return found

    def tick(self) -> None:
        """One look. Raises nothing; what is wrong is logged, once as long as it is the same."""
        try:
            self._look()
            self._said = None
        except BotError as error:
            if str(error) != self._said:
                log.warning("notifications: %s", error)
            self._said = str(error)

    def wait(self, seconds: float) -> bool:
        """Wait until no service is being told anything; False when that took longer."""
        end = time.monotonic() + seconds
        return all(box.wait(max(0.0, end - time.monotonic())) for box in self._boxes.values())

    def stop(self) -> None:
        """Let what is just being told end, for a moment; a service that hangs does not hold the end up."""
        self.wait(2.0)

    def _look(self) -> None:
        now = self._clock()
        wanted = self._wanted()
        found = services(wanted.notify, os.environ, wanted.folder)
        if not found:
            return
        first = self._known_since([service.name for service in found], now)
        if any("digest" in service.kinds for service in found):
            tell_digest(self._settings, self._journal, wanted, now, known_since=min(first.values()))
        events = since(self._journal, from_=now - LOOK_BACK, limit=MOST_EVENTS)
        for service in found:
            box = self._boxes.setdefault(service.name, Outbox(self._journal, self._clock))
            box.look(service, events, first[service.name], now)

    def _known_since(self, names: Sequence[str], now: float) -> dict[str, float]:
        """A service hears of what happens from its first day on, not of what was before."""
        known = notices.noted(self._journal, notices.FIRST)
        new = [name for name in names if name not in known]
        notices.note(self._journal, (notices.FIRST + name for name in new), now)
        return {name: known.get(name, now) for name in names}
