"""The overview as it is now, read at most twice a second whoever asks; and which of its sections changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from bot.errors import BotError
from bot.web.views import Overview, digest

FRESH = 0.5
"""Seconds for which one reading serves everybody."""


class Current:
    """Holds the last reading. Where nothing can be read, the last one stands with its `trouble`."""

    def __init__(self, read: Callable[[], Overview]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._last = Overview()
        self._at = float("-inf")

    def get(self) -> Overview:
        with self._lock:
            if time.monotonic() - self._at > FRESH:
                try:
                    self._last = self._read()
                except BotError as error:
                    self._last = replace(self._last, trouble=str(error))
                self._at = time.monotonic()
            return self._last

    def forget(self) -> None:
        """Read again at the next question: something was just changed."""
        with self._lock:
            self._at = float("-inf")


SECTIONS: dict[str, Callable[[Overview], Any]] = {
    "lede": lambda o: (o.account, o.paused, o.trouble, o.watch.pulse, o.watch.repos, counts(o)),
    "plans": lambda o: (o.plans, o.approved),
    "running": lambda o: (o.running, o.queued, o.paused),
    "failed": lambda o: o.failed,
    "stopped": lambda o: o.stopped,
    "published": lambda o: o.families,
    "watched": lambda o: o.watch,
    "workers": lambda o: o.workers,
    "timeline": lambda o: o.events,
}
"""The sections of the first page, in its order, and what each of them shows."""


def versions(seen: Overview) -> dict[str, str]:
    """By section, a short text that differs when what it shows differs."""
    return {name: digest(part(seen)) for name, part in SECTIONS.items()}


def counts(seen: Overview) -> dict[str, int]:
    """How many there are of each, for the line of numbers at the top."""
    return {
        "plans": len(seen.plans),
        "running": len(seen.running),
        "queued": len(seen.queued),
        "failed": len(seen.failed),
        "stopped": len(seen.stopped),
        "published": sum(q.status == "published" for f in seen.families for q in f.quants),
        "watched": seen.watch.repos,
    }
