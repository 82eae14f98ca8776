"""Digits that belong to a name and digits that are a number: only the first may be written out in a review.

Pure. What counts as a name comes from the facts alone; parts of a name count where they begin with a letter,
so `Qwen3` of Qwen3-8B is a name and `8B` alone is a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.numbers import task_title

_WORD = re.compile(r"[^\W_](?:[\w.+/-]*[^\W_])?")
_COUNTS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand",
    "million", "billion", "dozen", "half", "halves", "twice", "thrice", "double", "doubles", "doubled",
    "triple", "triples", "tripled", "quarter", "third", "thirds",
)  # fmt: skip
_SPELLED = re.compile(
    rf"\b(?:{'|'.join(_COUNTS)})\b"
    r"|\b(?:one|zero)(?=\s+(?:out|task|win|loss|tie|point|percent|benchmark|bit)|\s+of\s\s)",
    re.IGNORECASE,
)
"""Numbers in words. `one`, `first` and `second` are often none and stay with the claim checker."""


def names(facts: Facts, board: Board) -> frozenset[str]:
    """Everything in these facts that is called something with a number in it, and the parts of it."""
    whole = set(filter(_has_number, _said(facts, board)))
    ends = {name.rsplit("/", 1)[-1] for name in whole} | {name.removesuffix("-mlx") for name in whole}
    return frozenset(
        name
        for name in whole | ends | set(_parts(whole))
        if re.search(r"[A-Za-z]", name) and _has_number(name)
    )


def _said(facts: Facts, board: Board) -> Iterator[str]:
    yield from filter(None, (facts.card, facts.repo, facts.base_model, facts.recipe, facts.architecture))
    for model in board.models:
        yield from filter(None, (model.name, model.label, model.repo, model.recipe, model.chip))
    for task in board.tasks:
        yield from (task, task_title(task))


def _parts(whole: set[str]) -> Iterator[str]:
    """Runs of a name's hyphened parts that begin with a letter: `Qwen3`, `Qwen3-8B`, `qx86-hi`."""
    for name in whole:
        pieces = name.rsplit("/", 1)[-1].split("-")
        if len(pieces) > 12 or " " in name:
            continue
        for start, piece in enumerate(pieces):
            if piece[:1].isalpha():
                yield from ("-".join(pieces[start:end]) for end in range(start + 1, len(pieces) + 1))


def raw_number(text: str, known: frozenset[str]) -> str | None:
    """The first number in `text` that is no name's, as written; None where there is none."""
    masked = without(text, known)
    spelled = _SPELLED.search(masked)
    written = (word.group() for word in _WORD.finditer(masked) if any(map(_is_number, word.group())))
    other = (character for character in masked if _is_number(character))
    return next(written, None) or next(other, None) or (spelled.group() if spelled else None)


def without(text: str, known: frozenset[str]) -> str:
    """The text with a dot for each of its names, the longest first, whole words only."""
    masked = text
    lowered = text.casefold()
    for name in sorted((n for n in known if n.casefold() in lowered), key=lambda n: (-len(n), n)):
        masked = re.sub(rf"(?<!\w){re.escape(name)}(?![.,]?\w)", "\N{BULLET}", masked, flags=re.IGNORECASE)
    return masked


def _has_number(text: str) -> bool:
    return any(map(_is_number, text)) or _SPELLED.search(text) is not None


def _is_number(character: str) -> bool:
    """Digits of every script, fractions, circled and Roman numerals."""
    return unicodedata.numeric(character, None) is not None
