"""Labels beside points so that none covers another: each takes the first free place around its point.

Pure geometry in pixels, y upwards; what is drawn where is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from bot.records import Record

_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 22, 338, 158, 202, 68, 248, 112, 292)
_DISTANCES = (1.0, 1.6, 2.4, 3.6, 5.2, 7.0, 9.5)


Point = tuple[float, float]


class Box(Record, frozen=True):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> Point:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def covers(self, other: Box) -> bool:
        """Whether any part of both is the same."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds_point(self, point: Point) -> bool:
        """Whether the point lies within."""
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def holds(self, other: Box) -> bool:
        """Whether the other lies within."""
        return (
            self.left <= other.left
            and self.bottom <= other.bottom
            and self.right >= other.right
            and self.top >= other.top
        )


def around(point: Point, reach: float) -> Box:
    """The square that reaches so far from the point."""
    x, y = point
    return Box(x - reach, y - reach, x + reach, y + reach)


def place(
    points: Sequence[Point],
    sizes: Sequence[tuple[float, float]],
    page: Box,
    taken: Iterable[Box],
    gap: float,
    lines: Iterable[Box] = (),
    avoid: Iterable[Box] = (),
) -> tuple[Box | None, ...]:
    """For each point a box of its size within `page`, `gap` pixels or more away from it.

    It touches nothing of `taken` and no label placed before, and its leader line crosses none of these. It
    touches none of `lines`, which a leader may cross; right beside its point it keeps clear of `avoid`
    too, where it can. None: no place is free.
    """
    used, bars, better = list(taken), list(lines), list(avoid)
    placed: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        near = _places(point, size, gap, _DISTANCES[:1])
        found = _free(near, point, page, used, [*bars, *better])
        found = found or _free(_places(point, size, gap, _DISTANCES), point, page, used, bars)
        placed.append(found)
        used += [found, *_along(nearest(found, point), point)] if found else []
    return tuple(placed)


def _free(
    places: Iterable[Box], point: Point, page: Box, used: Sequence[Box], lines: Sequence[Box]
) -> Box | None:
    """The first of `places` that is free."""
    others = [box for box in used if not box.holds_point(point)]
    for box in places:
        if not page.holds(box) or any(box.covers(other) for other in (*used, *lines)):
            continue
        leader = _along(nearest(box, point), point)
        if not any(step.covers(other) for step in leader for other in others):
            return box
    return None


def _along(start: Point, end: Point) -> list[Box]:
    """Small boxes along a leader line."""
    steps = max(2, int(math.dist(start, end) / 5))
    at = [(n / steps) for n in range(1, steps)]
    return [around((start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t), 2) for t in at]


def _places(point: Point, size: tuple[float, float], gap: float, distances: Sequence[float]) -> Iterator[Box]:
    """Nearest first; at each distance to the right, to the left, above, below, then between."""
    (x, y), (width, height) = point, size
    for distance in distances:
        for angle in _ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            left = x + gap * distance * across + width * (across - 1) / 2
            bottom = y + gap * distance * up + height * (up - 1) / 2
            yield Box(left, bottom, left + width, bottom + height)


def nearest(box: Box, point: Point) -> Point:
    """The point of the box's edge that a leader line to `point` starts from."""
    x, y = point
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)
