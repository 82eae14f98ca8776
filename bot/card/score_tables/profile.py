"""`profile`: a row a model, a column a task; the head says where this quant is higher or lower."""

from __future__ import annotations

from collections.abc import Iterator

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import listed, task_title
from bot.card.score_tables.shown import (
    NOT_PUBLISHED,
    Shown,
    against_of,
    gap,
    label,
    printed,
    subject_of,
    tasks_of,
)
from bot.card.task_names import task_named


def profile(table: Table, board: Board) -> Shown:
    """Rivals first, this quant last. An arrow is flat only where both scores are the same."""
    mine, others = subject_of(table, board), against_of(table, board)
    shown = (*others, mine)
    columns = table.columns or ("Model", *map(task_title, tasks_of(board, shown)), "Leads on")
    arrows = bool(table.header_arrows) and len(others) == 1
    header = tuple(_head(column, mine, others[0]) if arrows else column for column in columns)
    rows = tuple(
        (label(table, model), *(_cell(column, model, shown) for column in columns[1:])) for model in shown
    )
    return Shown(
        kind="profile",
        title=table.title,
        header=header,
        rows=rows,
        explained=tuple(_explained(mine, others[0], board)) if arrows else (),
    )


def _explained(mine: Model, other: Model, board: Board) -> Iterator[str]:
    for task in tasks_of(board, (mine, other)):
        if (found := gap(mine, other, task)) is not None:
            a, b = mine.scores[task].value, other.scores[task].value
            shown = f"{mine.label} {a:.3f} - {other.label} {b:.3f} = {found:+.3f}"
            yield f"{task_title(task)}: {shown} {_arrow(found)}"


def _arrow(found: float) -> str:
    return "↑" if found > 0 else "↓" if found < 0 else "→"


def _head(column: str, mine: Model, other: Model) -> str:
    task = task_named(column)
    found = gap(mine, other, task) if task else None
    return column if found is None else f"{column} {_arrow(found)}"


def _cell(column: str, model: Model, shown: tuple[Model, ...]) -> str:
    task = task_named(column)
    if task is not None:
        return printed(model.scores.get(task))
    leads = [task_title(task) for task in model.scores if _leads(model, task, _rest(model, shown))]
    return f"leads on {listed(leads)}" if leads else "leads on no task" if model.scores else NOT_PUBLISHED


def _leads(model: Model, task: str, others: list[Model]) -> bool:
    own = model.scores[task].value
    return all(task in other.scores and other.scores[task].value < own for other in others)


def _rest(model: Model, shown: tuple[Model, ...]) -> list[Model]:
    return [other for other in shown if other is not model]
