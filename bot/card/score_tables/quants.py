"""`quants`: perplexity, speed and size of each quant of the family."""

from __future__ import annotations

from bot.card import numbers
from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.score_tables.shown import NOT_PUBLISHED, Shown, heading, label
from bot.review.macs import fits


def quants(table: Table, board: Board) -> Shown:
    """A row for each model with a perplexity, a speed or a size, in the order of the facts."""
    columns = table.columns or ("Quant", "Perplexity", "tok/sec", "Size", "Fits a Mac with")
    rows = tuple(
        (label(table, model), *(_cell(column, model) for column in columns[1:])) for model in _shown(board)
    )
    return Shown(kind="quants", title=table.title, header=tuple(map(heading, columns)), rows=rows)


def _shown(board: Board) -> list[Model]:
    return [m for m in board.in_order if m.perplexity or m.tokens_per_second or m.size_bytes]


def _cell(column: str, model: Model) -> str:
    word = column.lower()
    if "perplexity" in word or "ppl" in word:
        return perplexity_of(model)
    if "tok" in word or "speed" in word:
        return f"{model.tokens_per_second:.3f}" if model.tokens_per_second else NOT_PUBLISHED
    if "mac" in word:
        return fits(model.size_bytes) if model.size_bytes else NOT_PUBLISHED
    if "bits" in word:
        return numbers.bits(model.bits_per_weight)
    if "size" in word:
        return model.size or (numbers.size(model.size_bytes) if model.size_bytes else NOT_PUBLISHED)
    return NOT_PUBLISHED


def perplexity_of(model: Model) -> str:
    """`12.869 ± 0.126`."""
    if model.perplexity is None:
        return NOT_PUBLISHED
    error = "" if model.perplexity_stderr is None else f" ± {model.perplexity_stderr:.3f}"
    return f"{model.perplexity:.3f}{error}"
