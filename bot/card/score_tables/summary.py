"""`summary`: win rate, average, best gain and worst loss of this quant against each rival.

A tie is no win. Averages are plain means over the tasks on which both have a score, in points: one
point is 0.01 of accuracy.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import listed, task_title
from bot.card.score_tables.differences import signed
from bot.card.score_tables.shown import (
    NOT_PUBLISHED,
    Shown,
    against_of,
    gap,
    heading,
    label,
    subject_of,
    told_by,
)
from bot.records import Record

ROWS = ("Win Rate", "Avg. Gain", "Best Gain", "Worst Loss")


class Tally(Record, frozen=True, kw_only=True):
    """One quant against one rival: the differences by task, in the order of the tasks."""

    mine: str
    other: str
    gaps: dict[str, float]

    @property
    def wins(self) -> tuple[str, ...]:
        return tuple(task for task, gap in self.gaps.items() if gap > 0)

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(task for task, gap in self.gaps.items() if gap < 0)

    @property
    def ties(self) -> tuple[str, ...]:
        return tuple(task for task, gap in self.gaps.items() if gap == 0)

    @property
    def mean(self) -> float | None:
        """The mean difference of accuracy; None without a common task."""
        return statistics.fmean(self.gaps.values()) if self.gaps else None

    @property
    def best(self) -> str | None:
        """The task with the largest gain; None where nothing was gained."""
        return max(self.wins, key=lambda task: self.gaps[task], default=None)

    @property
    def worst(self) -> str | None:
        """The task with the largest loss; None where nothing was lost."""
        return min(self.losses, key=lambda task: self.gaps[task], default=None)


def tally(board: Board, mine: Model, other: Model) -> Tally:
    """The differences on all tasks that both have a score on and that say something."""
    found = {task: gap(mine, other, task) for task in told_by(board, (mine, other))}
    gaps = {task: value for task, value in found.items() if value is not None}
    return Tally(mine=mine.label, other=other.label, gaps=gaps)


def points(value: float) -> str:
    """`+1.2 points`: a difference of accuracy in hundredths."""
    shown = f"{100 * value:+.1f}"
    return f"{shown if float(shown) else '±0.0'} points"


def summary(table: Table, board: Board) -> Shown:
    """One row for each of `rows`, one column for each rival."""
    mine, others = subject_of(table, board), against_of(table, board)
    tallies = tuple(tally(board, mine, other) for other in others)
    rows = tuple(row for row in table.rows or ROWS if row in _CELLS)
    columns = table.columns or ("Metric", *(f"vs {label(table, other)}" for other in others))
    return Shown(
        kind="summary",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=tuple((row, *(_CELLS[row](found) for found in tallies)) for row in rows),
        explained=tuple(_explained(found) for found in tallies),
    )


def _win_rate(found: Tally) -> str:
    total = len(found.gaps)
    return f"{len(found.wins)}/{total} wins ({len(found.wins) / total:.1%})" if total else NOT_PUBLISHED


def _average(found: Tally) -> str:
    return points(found.mean) if found.mean is not None else NOT_PUBLISHED


def _best(found: Tally) -> str:
    return f"{task_title(found.best)} ({points(found.gaps[found.best])})" if found.best else "none"


def _worst(found: Tally) -> str:
    return f"{task_title(found.worst)} ({points(found.gaps[found.worst])})" if found.worst else "none"


_CELLS: dict[str, Callable[[Tally], str]] = {
    "Win Rate": _win_rate,
    "Avg. Gain": _average,
    "Best Gain": _best,
    "Worst Loss": _worst,
}


def _explained(found: Tally) -> str:
    total = len(found.gaps)
    groups = [
        f"{len(tasks)} {word} ({listed([task_title(task) for task in tasks])})"
        for word, tasks in (("won", found.wins), ("tied", found.ties), ("lost", found.losses))
        if tasks
    ]
    terms = " ".join(signed(gap) for gap in found.gaps.values())
    mean = f"{found.mean:+.5f}" if found.mean is not None else "not known"
    return (
        f"{found.mine} against {found.other}: of {total} tasks {listed(groups)}; "
        f"average: ({terms}) / {total} = {mean}, in points {_average(found)}"
    )
