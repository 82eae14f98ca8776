"""How far a run's step is, and how long it will take still: pure, from the lines that the step wrote.

The speed is that of the last half of what the step did so far: the first minutes (caches that are cold, a
trial that chooses how to compute) tell little about the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.events import Event
from bot.records import Record

SAYS_SOMETHING = 5.0
"""Seconds of work before the time left is estimated from it."""

MARKS = 64
"""Points of the way that are kept; when there are more, every second one is dropped."""

Mark = tuple[float, float]
"""When (Unix seconds), and how much was done."""


class Way(Record, frozen=True, kw_only=True):
    """One step's way so far: what it said last, and when it had done how much."""

    stage: str
    what: str
    total: float
    unit: str
    marks: tuple[Mark, ...]

    @property
    def at(self) -> float:
        return self.marks[-1][0]

    @property
    def done(self) -> float:
        return self.marks[-1][1]


def gone(way: Way | None, event: Event) -> Way:
    """The way after one more line. A line of another stage, or of less done, begins a new one."""
    told = event.progress
    mark = (event.at, told.done)
    same = way is not None and (way.stage, way.unit, way.total) == (told.stage, told.unit, told.total)
    if way is None or not same or told.done < way.done:
        marks: tuple[Mark, ...] = (mark,)
    else:
        marks = (*way.marks, mark)
        if len(marks) > MARKS:
            marks = (*marks[:-1:2], marks[-1])
    return Way(stage=told.stage, what=told.what, total=told.total, unit=told.unit, marks=marks)


def followed(events: Iterable[Event], way: Way | None = None) -> Way | None:
    """The way after all of these lines."""
    for event in events:
        way = gone(way, event)
    return way


def share(way: Way) -> float | None:
    """How much of the step is done, 0 to 1; None where it does not say of how much."""
    return min(1.0, max(0.0, way.done / way.total)) if way.total > 0 else None


def expected_end(way: Way) -> float | None:
    """When this step will be done (Unix seconds), at its speed of late; None where too little is known."""
    end, done = way.marks[-1]
    half = (way.marks[0][0] + end) / 2
    begin, before = max((mark for mark in way.marks if mark[0] <= half), default=way.marks[0])
    if end - way.marks[0][0] < SAYS_SOMETHING or done <= before or way.total <= done:
        return None
    return end + (way.total - done) * (end - begin) / (done - before)
