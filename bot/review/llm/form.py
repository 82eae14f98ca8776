"""What can be said against a sentence before anybody asks whether it is true. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from bot.card.board import Board
from bot.card.markdown import clean
from bot.review.llm import english
from bot.review.llm.draft import Sentence
from bot.review.llm.expressions import Refused, Written, rendered
from bot.review.llm.mentions import mismatch
from bot.review.llm.names import raw_number, without

_LINK = re.compile(r"://|\bwww\.|\S@\S|\bmailto:|\b[\w-]+\.[a-z]{2,10}/\S", re.IGNORECASE)
_SWEEPING = re.compile(
    r"\b(?:every|always|never|best|worst|across the board|state[- ]of[- ]the[- ]art|identical"
    r"|indistinguishable|un(?:beaten|matched|rivall?ed|surpassed)|(?:dominat|crush|lossless|flawless|perfect)\w*"
    r"|all (?:the )?(?:other )?(?:tasks|benchmarks|models|scores|questions|others|quants|siblings|rivals))\b",
    re.IGNORECASE,
)


def formed(
    sentence: Sentence, board: Board, functions: Mapping[str, Callable[..., str]], names: frozenset[str]
) -> Sentence:
    """The sentence as it is shown, or refused with the reason."""
    if sentence.withdrawn:
        return sentence
    try:
        written = rendered(sentence.written, functions)
    except Refused as refused:
        return replace(sentence, shown="", why=str(refused))
    why = _objection(written, without(written.words, names), board)
    return replace(sentence, shown=clean(written.shown).strip(), why=why)


def _objection(written: Written, words: str, board: Board) -> str | None:
    """`words` are the sentence's own, its names taken out."""
    if not any(map(str.isalpha, written.shown)):
        return "it has no words"
    if (number := raw_number(words, frozenset())) is not None:
        return f"it has the number {number!r} as text; numbers are written as expressions"
    if _LINK.search(words):
        return "it has an address; links do not belong into a review"
    return english.objection(words) or mismatch(written, board)


def sweeping(shown: str) -> str | None:
    """Why a sentence in which the claim checker finds no statement cannot stand all the same; None: it can.

    Advice and manners may stand unchecked; "dominates every benchmark" may not.
    """
    found = _SWEEPING.search(shown)
    if found is None:
        return None
    return (
        f"{found.group()!r} is a claim that cannot be checked here: name the models and the task, or leave it"
    )
