"""What the columns of a table hold, by their headings."""

from __future__ import annotations

import re

from bot.records import Record
from bot.review.claims.clause import Clause
from bot.review.claims.parties import parties
from bot.review.claims.scan import Token
from bot.review.claims.tables import Cell

_DELTA = re.compile(r"\u0394|diff|delta|gain|change|improvement|\u00b1|gap|\bvs\b", re.IGNORECASE)
_LEADER = re.compile(r"winner|leader|best|better|recommend|ahead|choice|who leads", re.IGNORECASE)
SCORE = re.compile(r"\s*(?:score|accuracy|acc|result|value)s?\s*(?:\(.{0,20}\))?\s*", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Za-z]{2,}")


def _words_beside(text: str, cell: Cell, tokens: tuple[Token, ...]) -> int:
    """How many words of a heading are no mention: a heading of many words is one of comments."""
    at, count = cell.start, 0
    for token in tokens:
        count += len(_LETTERS.findall(text[at : token.start]))
        count += token.relation is not None or token.superlative is not None
        at = token.end
    return count + len(_LETTERS.findall(text[at : cell.end]))


class Column(Record, frozen=True, kw_only=True):
    """What one column holds, by its heading."""

    models: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    metric: str = ""
    delta: bool = False
    leader: bool = False
    others: bool = False
    text: str = ""
    plain: bool = True


def column(text: str, cell: Cell, tokens: tuple[Token, ...]) -> Column:
    """What a column holds, by its heading."""
    clause = Clause(text=text, start=cell.start, end=cell.end, tokens=tokens)
    everyone = parties(clause)
    mine = [name for party in everyone if not party.rival for name in party.models]
    rivals = [name for party in everyone if party.rival for name in party.models]
    metric = next((t.word.value for t in tokens if t.word and t.word.kind == "metric"), "")
    delta = bool(_DELTA.search(cell.text)) and not (mine and not rivals)
    return Column(
        models=tuple(mine) if len(set(mine)) <= 1 else (),
        rivals=tuple(rivals),
        tasks=tuple(dict.fromkeys(task for token in tokens for task in token.tasks)),
        metric=metric,
        delta=delta,
        leader=bool(_LEADER.search(cell.text)) and not mine,
        text=cell.text,
        others=any(token.kind("group") for token in tokens),
        plain=_words_beside(text, cell, tokens) <= 1,
    )
