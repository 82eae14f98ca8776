"""What every kind of table has in common: the finished table, and how names in a `Table` are understood."""

from __future__ import annotations

import re

import msgspec

from bot.card.board import Board, Model, Score
from bot.card.facts import Kind, Table
from bot.records import Record

NOT_PUBLISHED = "not published"
_PLACEHOLDERS = ("comment", "score", "need")


class Shown(Record, frozen=True, kw_only=True):
    """A finished table. Cells are text; `explained` says of what was computed how, a sentence each."""

    kind: Kind
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    explained: tuple[str, ...] = msgspec.field(default_factory=tuple)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether it holds numbers, which are set to the right."""
        return tuple(all(map(_is_number, cells)) for cells in zip(*self.rows, strict=True))


def _is_number(cell: str) -> bool:
    return cell == NOT_PUBLISHED or re.match(r"[+\-±]?\d[\d.]*( ±|$|[KMGT]| \()", cell) is not None


def subject_of(table: Table, board: Board) -> Model:
    return board.model(table.subject) if table.subject else board.subject


def against_of(table: Table, board: Board) -> tuple[Model, ...]:
    return tuple(board.model(name) for name in table.against)


def label(table: Table, model: Model) -> str:
    """What the table calls the model."""
    return table.labels.get(model.name, model.label)


def heading(column: str) -> str:
    """A column's heading: as given, but a word that only says what is in it begins with a capital letter."""
    plain = column in _PLACEHOLDERS or column.startswith("delta ")
    return column[:1].upper() + column[1:] if plain else column


def printed(score: Score | None) -> str:
    """`0.441`; a score that nobody published is said to be so."""
    return f"{score.value:.3f}" if score else NOT_PUBLISHED


def tasks_of(board: Board, models: tuple[Model, ...]) -> tuple[str, ...]:
    """The tasks that any of the models has a score on, in the board's order."""
    return tuple(task for task in board.tasks if any(task in model.scores for model in models))


def told_by(board: Board, models: tuple[Model, ...]) -> tuple[str, ...]:
    """Those of them that say something about these models: what may be counted."""
    return tuple(task for task in tasks_of(board, models) if task not in board.silent)


def gap(mine: Model, other: Model, task: str) -> float | None:
    """Mine minus the other's; None unless both have a score."""
    a, b = mine.scores.get(task), other.scores.get(task)
    return round(a.value - b.value, 9) if a and b else None
