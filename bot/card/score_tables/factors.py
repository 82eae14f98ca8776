"""`factors`: what two models are made of, side by side. Only what their names and sizes say."""

from __future__ import annotations

from collections.abc import Callable

from bot.card import numbers
from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.score_tables.shown import Shown, against_of, heading, label, subject_of


def factors(table: Table, board: Board) -> Shown:
    """A row for each factor that is known of at least one of the two."""
    mine, others = subject_of(table, board), against_of(table, board)
    shown = (*others, mine)
    columns = table.columns or ("Factor", *(label(table, model) for model in shown))
    rows = [(name, *(say(model) or "not known" for model in shown)) for name, say in _FACTORS.items()]
    known = tuple(row for row in rows if any(cell != "not known" for cell in row[1:]))
    return Shown(
        kind="factors",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=known,
        explained=tuple(_explained(model) for model in shown if _floor(model)),
    )


def _explained(model: Model) -> str:
    assert model.parameters is not None
    assert model.widths is not None
    size = model.parameters * model.widths.data / 8e9
    return f"{model.label}: {model.parameters:.4g} weights x {model.widths.data} bits / 8 = {size:.1f} GB"


def _head(model: Model) -> str | None:
    return f"{model.widths.head} bits" if model.widths else None


def _data(model: Model) -> str | None:
    return f"{model.widths.data} bits" if model.widths else None


def _group(model: Model) -> str | None:
    return f"{model.widths.group_size} weights" if model.widths and model.widths.group_size else None


def _parameters(model: Model) -> str | None:
    return f"{model.parameters / 1e9:.4g}B" if model.parameters else None


def _floor(model: Model) -> str | None:
    """Parameters times the width of the data: what the bulk of the files cannot be below."""
    if not model.parameters or not model.widths:
        return None
    return f"at least {model.parameters * model.widths.data / 8e9:.1f} GB, data bits alone"


def _size(model: Model) -> str | None:
    return model.size or (numbers.size(model.size_bytes) if model.size_bytes else None)


_FACTORS: dict[str, Callable[[Model], str | None]] = {
    "Head and attention": _head,
    "Data": _data,
    "Group size": _group,
    "Parameters": _parameters,
    "Smallest possible size": _floor,
    "Size on disk": _size,
}
