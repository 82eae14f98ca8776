"""`scores`: a row a task, the models beside each other, and a remark that is computed."""

from __future__ import annotations

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import listed, task_title
from bot.card.score_tables.shown import (
    NOT_PUBLISHED,
    Shown,
    against_of,
    heading,
    label,
    printed,
    subject_of,
    tasks_of,
)

_ORDINALS = ("highest", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def scores(table: Table, board: Board) -> Shown:
    """The columns are models by name, `comment`, or one in which all the others stand together."""
    mine, others = subject_of(table, board), against_of(table, board)
    columns = table.columns or ("Task", *(label(table, m) for m in (mine, *others)), "comment")
    rows = tuple(
        (task_title(task), *(_cell(column, task, mine, others, board) for column in columns[1:]))
        for task in tasks_of(board, (mine, *others))
    )
    return Shown(
        kind="scores",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=rows,
        explained=tuple(
            f"{row[0]}: {remark(task, mine, others)}, of {_all(task, (mine, *others))}"
            for row, task in zip(rows, tasks_of(board, (mine, *others)), strict=True)
        ),
    )


def _all(task: str, models: tuple[Model, ...]) -> str:
    return listed([f"{m.label} {m.scores[task].value:.3f}" for m in models if task in m.scores])


def _cell(column: str, task: str, mine: Model, others: tuple[Model, ...], board: Board) -> str:
    if column.lower() == "comment":
        return remark(task, mine, others)
    if (model := board.find(column)) is not None:
        return printed(model.scores.get(task))
    known = [f"{other.label}: {printed(other.scores[task])}" for other in others if task in other.scores]
    return ", ".join(known) or NOT_PUBLISHED


def remark(task: str, mine: Model, others: tuple[Model, ...]) -> str:
    """Where this quant stands among the models shown: `highest of 3`, `second of 3, 0.011 behind bf16`."""
    found = {model.label: model.scores[task].value for model in others if task in model.scores}
    own = mine.scores.get(task)
    if own is None or not found:
        return "nothing to compare with"
    total = len(found) + 1
    same = [name for name, value in found.items() if value == own.value]
    if len(same) == len(found):
        return f"the same as {listed(same)}"
    shared = f", shared with {listed(same)}" if same else ""
    above = sum(value > own.value for value in found.values())
    if above + len(same) == len(found) and above:
        place = "lowest"
    else:
        place = _ORDINALS[above] if above < len(_ORDINALS) else f"number {above + 1}"
    return f"{place} of {total}{shared}, {_distance(own.value, found, above)}"


def _distance(own: float, found: dict[str, float], above: int) -> str:
    """How far ahead of the next one, or behind the first."""
    if above:
        first = max(found, key=lambda name: found[name])
        return f"{found[first] - own:.3f} behind {first}"
    below = {name: value for name, value in found.items() if value < own}
    following = max(below, key=lambda name: below[name])
    return f"{own - below[following]:.3f} ahead of {following}"
