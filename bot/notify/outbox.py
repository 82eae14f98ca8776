"""What one service is told: in a thread of its own, tried again when it fails, given up after a day."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from bot.errors import BotError
from bot.journal import notices
from bot.journal.database import Journal
from bot.journal.timeline import Happened
from bot.notify.decide import Notices, decide, likeness
from bot.notify.render import message
from bot.notify.services import Service, send

log = logging.getLogger("bot.notify")

FIRST_AGAIN, LAST_AGAIN = 60.0, 3600.0
"""Seconds until a service that failed is tried again: twice as long each time, from the first to the last."""

PATIENCE = 120.0
"""Seconds after which a service that does not answer is said to hang; until it does it is told no more."""


class Outbox:
    """What one service is being told, and when it is tried again."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal, self._clock = journal, clock
        self._thread: threading.Thread | None = None
        self._begun, self._again, self._failed, self._hangs = 0.0, 0.0, 0, False

    def look(self, service: Service, events: Sequence[Happened], first: float, now: float) -> None:
        """Begin to tell the service what is due, unless it is busy or to be left alone for a while."""
        if self._thread is not None and self._thread.is_alive():
            if now - self._begun > PATIENCE and not self._hangs:
                self._hangs = True
                log.warning("notifications: %s does not answer; the bot goes on without it", service.name)
            return
        known = _notices(self._journal, service.name, first)
        decision = decide(events, known, service.kinds, now)
        if decision.give_up:
            self._give_up(service, decision.give_up, now)
        if decision.send and now >= self._again:
            self._hangs, self._begun = False, now
            self._thread = threading.Thread(
                target=self._tell, args=(service, decision.send), name=f"notify {service.name}", daemon=True
            )
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _tell(self, service: Service, events: Sequence[Happened]) -> None:
        try:
            why = send(service, message(events))
            if why is None:
                _mark(self._journal, service.name, events, self._clock(), told=True)
        except BotError as error:  # sent, but the database could not write it down
            why = str(error)
        now = self._clock()
        if why is None:
            if self._failed:
                log.info("notifications: %s takes messages again", service.name)
            self._failed, self._again = 0, 0.0
            return
        pause = min(LAST_AGAIN, FIRST_AGAIN * 2**self._failed)
        if not self._failed:
            log.warning(
                "notifications: %s did not take a message (%s): it is tried again for a day",
                service.name,
                why,
            )
        self._failed, self._again = self._failed + 1, now + pause

    def _give_up(self, service: Service, events: Sequence[Happened], now: float) -> None:
        log.warning(
            "notifications: %s took nothing for a day: %d events are not told to it (`bot history` has them)",
            service.name,
            len(events),
        )
        _mark(self._journal, service.name, events, now, told=False)


def _notices(journal: Journal, name: str, first: float) -> Notices:
    handled = notices.noted(journal, f"event:{name}:")
    given_up = notices.noted(journal, f"given up:{name}:")
    return Notices(
        since=first,
        handled=frozenset(int(number) for number in (*handled, *given_up)),
        told=notices.noted(journal, f"text:{name}:"),
        sent=tuple(sorted(set(handled.values()))),
    )


def _mark(journal: Journal, name: str, events: Sequence[Happened], now: float, *, told: bool) -> None:
    kept = "event" if told else "given up"
    keys = [f"{kept}:{name}:{event.id}" for event in events]
    if told:
        keys += [f"text:{name}:{likeness(event)}" for event in events]
    notices.note(journal, keys, now)
