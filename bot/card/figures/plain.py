"""Names as pictures show them: on one line, visible characters only, cut where they would not fit."""

from __future__ import annotations

from bot.card.board import Model
from bot.card.markdown import clean


def short(name: str, length: int) -> str:
    """`name` in at most `length` characters: names of models differ at their end, so the middle goes."""
    line = clean(name).strip() or "?"
    if len(line) <= length:
        return line
    head = (length - 1) // 3
    return f"{line[:head]}…{line[-(length - 1 - head) :]}"


def named(model: Model, length: int) -> str:
    """The model's label; a base that is called by its type is said to be the base."""
    based = model.role == "base" and "base" not in model.label.lower()
    return short(model.label, length) + (" (base)" if based else "")
