"""Equal stretches of text are read and judged once, so that repeated text costs little."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
BEFORE, AFTER = 64, 32
"""Characters around a stretch that any pattern looks at."""
MOST = 5_000
"""Results that are kept; a text with more different ones gains little from them."""


class Memory(Generic[T]):
    """What was found for each key."""

    def __init__(self) -> None:
        self._known: dict[Hashable, T] = {}

    def get(self, key: Hashable, made: Callable[[], T]) -> T:
        """The result for this key, made the first time."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST:
                self._known.clear()
            found = self._known[key] = made()
        return found


def around(text: str, start: int, end: int) -> tuple[str, int, int]:
    """A stretch with what stands around it, and its place in that: equal for equal stretches."""
    first = max(0, start - BEFORE)
    return text[first : end + AFTER], start - first, end - first
