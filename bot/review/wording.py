"""The same thing said in more than one way: cards do not read like one form, but a card always alike."""

from __future__ import annotations

import zlib
from typing import TypeVar

Phrase = TypeVar("Phrase")


class Wording:
    """Chooses among phrases that mean the same, by the name of the card and how often it was asked."""

    def __init__(self, card: str) -> None:
        self._seed = zlib.crc32(card.encode())
        self._asked = 0

    def __call__(self, *phrases: Phrase) -> Phrase:
        """One of the phrases. Deterministic for a card and the order of the calls."""
        self._asked += 1
        return phrases[zlib.crc32(f"{self._seed}:{self._asked}".encode()) % len(phrases)]
