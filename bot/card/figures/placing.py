"""Labels beside points so that none covers another: each takes the first free place around its point.

Pure geometry in pixels, y upwards; what is drawn where is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from bot.records import Record

_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 22, 338, 158, 202)
_DISTANCES = (1.0, 2.2, 3.6, 5.2, 7.0, 9.5)


class Box(Record, frozen=True):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def covers(self, other: Box) -> bool:
        """Whether any part of both is the same."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: Box) -> bool:
        """Whether the other lies within."""
        return (
            self.left <= other.left
            and self.bottom <= other.bottom
            and self.right >= other.right
            and self.top >= other.top
        )


def around(point: tuple[float, float], reach: float) -> Box:
    """The square that reaches so far from the point."""
    x, y = point
    return Box(x - reach, y - reach, x + reach, y + reach)


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    page: Box,
    taken: Iterable[Box],
    gap: float,
) -> tuple[Box | None, ...]:
    """For each point a box of its size within `page`, `gap` pixels or more away from it.

    It touches nothing of `taken` and no label placed before. None: no place is free.
    """
    used = list(taken)
    placed: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        free = (box for box in _places(point, size, gap) if page.holds(box))
        found = next((box for box in free if not any(box.covers(other) for other in used)), None)
        placed.append(found)
        used += [found] if found else []
    return tuple(placed)


def _places(point: tuple[float, float], size: tuple[float, float], gap: float) -> Iterator[Box]:
    """Nearest first; at each distance to the right, to the left, above, below, then between."""
    (x, y), (width, height) = point, size
    for distance in _DISTANCES:
        for angle in _ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            left = x + gap * distance * across + width * (across - 1) / 2
            bottom = y + gap * distance * up + height * (up - 1) / 2
            yield Box(left, bottom, left + width, bottom + height)


def nearest(box: Box, point: tuple[float, float]) -> tuple[float, float]:
    """The point of the box's edge that a leader line to `point` starts from."""
    x, y = point
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)
