"""A run while it runs: bars on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from bot.card.numbers import size
from bot.child import Progress as Told
from bot.cli.show import err
from bot.events import Event

SAYS_SOMETHING = 5.0
"""Seconds of work before the time left is estimated from it."""


class Watcher(Protocol):
    """Shows events as they come, and sentences between them."""

    def __call__(self, event: Event) -> None: ...

    def say(self, text: str) -> None: ...


@contextmanager
def progress(*, quiet: bool) -> Iterator[Watcher]:
    """The watcher for this process's standard error."""
    if quiet:
        yield _Silence()
    elif sys.stderr.isatty():
        with Progress(*_COLUMNS, console=err(), transient=False) as bars:
            yield _Bars(bars)
    else:
        yield _Lines()


class _Silence:
    def __call__(self, event: Event) -> None: ...

    def say(self, text: str) -> None: ...


class _Lines:
    """One line for each new thing, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = ("", "")

    def __call__(self, event: Event) -> None:
        now = (event.progress.stage, event.progress.what)
        if now != self._last:
            self._last = now
            self.say(f"{now[0]:<10} {now[1]}")

    def say(self, text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._start:6.1f}s  {text}\n")
        sys.stderr.flush()


_COLUMNS = (
    SpinnerColumn(),
    TextColumn("{task.fields[stage]:<10}"),
    BarColumn(bar_width=24),
    TextColumn("{task.description}  [dim]{task.fields[count]}"),
)


class _Bars:
    """A bar for each stage; one that is not the newest is done."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, float]] = {}

    def __call__(self, event: Event) -> None:
        told = event.progress
        if told.stage not in self._tasks:
            self._tasks[told.stage] = self._bars.add_task("", stage=told.stage, total=None, count="")
        self._bars.update(
            self._tasks[told.stage],
            description=escape(told.what),
            completed=told.done,
            total=told.total or None,
            count=", ".join(filter(None, (_count(told), self._left(event)))),
        )
        for stage, other in self._tasks.items():
            if stage != told.stage and not self._bars.tasks[other].finished:
                self._bars.update(other, total=1, completed=1, count="")

    def _left(self, event: Event) -> str:
        """As long for each part as on average since the stage began."""
        told = event.progress
        at, done = self._began.setdefault(told.stage, (event.at, told.done))
        return time_left(event.at - at, told.done - done, told.total - told.done)

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, soft_wrap=True)


def time_left(seconds: float, done: float, left: float) -> str:
    """`4 min left`, when `done` took so many seconds; nothing while that says too little."""
    if seconds < SAYS_SOMETHING or done <= 0 or left <= 0:
        return ""
    wanted = seconds * left / done
    if wanted < 90:
        return f"{wanted:.0f} s left"
    return f"{wanted / 60:.0f} min left" if wanted < 5400 else f"{wanted / 3600:.1f} h left"


def _count(told: Told) -> str:
    """`3 of 45 measurements`, `1.2 GiB of 8.3 GiB`."""
    if not told.total:
        return ""
    if told.unit == "bytes":
        return f"{size(int(told.done))} of {size(int(told.total))}" if told.done else size(int(told.total))
    return f"{told.done:.0f} of {told.total:.0f} {told.unit}"
