"""`delta` and `difference`: scores with their signed differences."""

from __future__ import annotations

import re

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import task_title
from bot.card.score_tables.shown import (
    NOT_PUBLISHED,
    Shown,
    against_of,
    gap,
    heading,
    label,
    printed,
    subject_of,
    tasks_of,
)

_ZERO = re.compile(r"zero as (\S+)")
_PLACES = re.compile(r"(\d) decimals")


def delta(table: Table, board: Board) -> Shown:
    """Task, this quant's score, and mine minus theirs for each rival."""
    mine, others = subject_of(table, board), against_of(table, board)
    rows = tuple(
        (
            task_title(task),
            printed(mine.scores.get(task)),
            *(signed(gap(mine, other, task), table.delta) for other in others),
        )
        for task in tasks_of(board, (mine, *others))
    )
    columns = table.columns or ("Benchmark", "score", *(f"delta vs {label(table, o)}" for o in others))
    explained = tuple(line for other in others for line in _explained(mine, other, board))
    return Shown(
        kind="delta",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=rows,
        explained=explained,
    )


def difference(table: Table, board: Board) -> Shown:
    """Two models head to head. Whoever is ahead stands in brackets where the table asks for the leader."""
    mine, other = subject_of(table, board), against_of(table, board)[0]
    columns = table.columns or ("Task", label(table, mine), label(table, other), "Difference")
    leaders = (columns[1], columns[2]) if "leader" in table.delta else None
    rows = []
    for task in tasks_of(board, (mine, other)):
        found = gap(mine, other, task)
        shown = signed(found, table.delta)
        if leaders and found is not None:
            shown += f" ({'tie' if found == 0 else leaders[found < 0]})"
        rows.append(
            (task_title(task), printed(mine.scores.get(task)), printed(other.scores.get(task)), shown)
        )
    return Shown(
        kind="difference",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=tuple(rows),
        explained=_explained(mine, other, board),
    )


def signed(value: float | None, form: str = "") -> str:
    """`+0.020`, `-0.014`, and zero as the form asks: `±0.000` unless it says otherwise."""
    if value is None:
        return NOT_PUBLISHED
    places = int(found[1]) if (found := _PLACES.search(form)) else 3
    shown = f"{value:+.{places}f}"
    if float(shown):
        return shown
    zero = _ZERO.search(form)
    return zero[1].rstrip(",;") if zero else f"±{0:.{places}f}"


def _explained(mine: Model, other: Model, board: Board) -> tuple[str, ...]:
    lines = []
    for task in tasks_of(board, (mine, other)):
        if (found := gap(mine, other, task)) is not None:
            a, b = mine.scores[task].value, other.scores[task].value
            lines.append(
                f"{task_title(task)}: {mine.label} {a:.3f} - {other.label} {b:.3f} = {signed(found)}"
            )
    return tuple(lines)
