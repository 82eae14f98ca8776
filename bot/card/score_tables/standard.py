"""The tables of a card whose facts name none. Pure."""

from __future__ import annotations

from bot.card.board import Board, Model
from bot.card.facts import Table

_LEADER = "the leader in brackets"
MOST_RIVALS = 3
"""More columns than these do not fit beside each other at the width of a card."""


def standard(board: Board) -> tuple[Table, ...]:
    """Every kind that the board can fill, against the base, the siblings next in size, and rivals."""
    mine = board.subject
    others = [model for model in _by_closeness(board) if model.scores.keys() & mine.scores.keys()]
    names = tuple(model.name for model in others[:MOST_RIVALS])
    tables: list[Table] = []
    if names:
        tables = [
            Table(kind="delta", title="Differences, task by task", against=names),
            Table(kind="summary", title="In sum", against=names),
            Table(kind="scores", title="Scores, task by task", against=names),
            Table(kind="difference", title=f"Against {names[0]}", against=names[:1], delta=_LEADER),
            Table(kind="profile", title="Profile", against=names[:1], header_arrows="up, down or the same"),
            Table(kind="use_cases", title="Which one to take", against=names),
            Table(kind="factors", title="What they are made of", against=names[:1]),
        ]
    if any(model.perplexity or model.size_bytes for model in board.models):
        tables.append(Table(kind="quants", title="Perplexity, speed and size"))
    return tuple(tables)


def _by_closeness(board: Board) -> list[Model]:
    """Rivals that a person asked for come first, then the base, then siblings by nearness in size."""
    order = {"rival": 0, "base": 1, "sibling": 2}
    own = board.subject.size_bytes or 0
    return sorted(board.others, key=lambda m: (order[m.role], abs((m.size_bytes or 0) - own)))
