"""The figures of a published card, as the Hub has them, held in memory for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from bot.errors import BotError

NAMES = {
    "family": "Size against perplexity",
    "profile": "Scores with their errors",
    "bits": "Bits of each layer",
}
"""The pictures that a card may have (`bot.card.figures`), and what they show."""

THEMES = ("light", "dark")
HELD = 48
LARGEST = 2 * 2**20
"""Bytes; a card's own pictures are a tenth of that."""

ASK_AGAIN = 900.0
"""Seconds after which the Hub is asked again for a picture that was not there."""

_PNG = b"\x89PNG\r\n\x1a\n"


ReadFile = Callable[[str, str], bytes | None]
"""A file of a repo by its path; None where it is missing. May raise any BotError."""


class Figures:
    """Pictures by repo, name and theme."""

    def __init__(self, read: ReadFile) -> None:
        self._read = read
        self._held: OrderedDict[tuple[str, str], tuple[float, bytes | None]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, repo: str, name: str, theme: str) -> bytes | None:
        """The PNG; None for a name that no card has, and where the card has none."""
        if name not in NAMES or theme not in THEMES:
            return None
        key = (repo, f"figures/{name}-{theme}.png")
        with self._lock:
            at, data = self._held.get(key, (float("-inf"), None))
        if data is not None or time.monotonic() - at < ASK_AGAIN:
            return data
        data = self._fetched(*key)
        with self._lock:
            self._held[key] = (time.monotonic(), data)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return data

    def names(self, repo: str) -> tuple[str, ...]:
        """Which pictures the card of `repo` has."""
        return tuple(name for name in NAMES if self.get(repo, name, "light") is not None)

    def _fetched(self, repo: str, path: str) -> bytes | None:
        try:
            data = self._read(repo, path)
        except BotError:  # no picture is no trouble of the page
            return None
        return data if data is not None and data.startswith(_PNG) and len(data) <= LARGEST else None
