"""Who is who in a clause: what is compared with what."""

from __future__ import annotations

import re

from bot.records import Record
from bot.review.claims.clause import Clause
from bot.review.claims.scan import Token

_AND = re.compile(r"\s*(?:,|and|&|or|/|\+|, and|nor|as well as|plus)?\s*(?:the |its |our )?")
# `five points clear of q3`, `0.3 points off bf16`
_OFF = re.compile(r"\s+(?:[a-z]{2,9} (?:of|from|to)|off|from)(?: the| its| our)?\s+", re.IGNORECASE)
_THAT_OF = re.compile(r"(?:that|those) of", re.IGNORECASE)
# `q8 quality` speaks of the quality
_ATTRIBUTE = re.compile(r"[ -](?:quality|level|class|grade|territory|like|style)\b(?! of)", re.IGNORECASE)
_OPENS = re.compile(r"with", re.IGNORECASE)  # `With A the perplexity rises` speaks of A
_OWNS = ("", "for", "of", "by", "at", "in", "with", "under", "on")


class Party(Record, frozen=True, kw_only=True):
    """Models named together, in one role."""

    models: tuple[str, ...]
    rival: bool
    first: int
    last: int
    unknown: bool = False
    group: str = ""
    linked: bool = False


def parties(clause: Clause) -> tuple[Party, ...]:
    """Who is compared with whom: a name after `than` or `beats` is a rival, `A and B` are one party."""
    found: list[Party] = []
    for index, token in enumerate(clause.tokens):
        if not (token.is_model or _group(token)) or _ATTRIBUTE.match(clause.text, token.end):
            continue
        previous = _before(clause, index)
        if found and previous is not None and _joins(clause, found[-1], index, previous, token):
            last = found[-1]
            found[-1] = Party(
                models=_merged(clause, last, previous, token),
                rival=last.rival,
                first=last.first,
                last=index,
                unknown=last.unknown or token.unknown,
                group=last.group or _group(token),
                linked=last.linked,
            )
            continue
        linked = previous is not None and _linked(clause, previous, token)
        if _group(token) == "own" and not (linked or _object(clause, index)):
            continue  # "this model" as a subject is a pronoun
        found.append(
            Party(
                models=token.models,
                rival=(linked and not _arrives(clause, found, index))
                or _object(clause, index)
                or (_of_several(previous, token) and _among(clause, token)),
                first=index,
                last=index,
                unknown=token.unknown or _group(token) == "some",
                group=_group(token),
                linked=linked,
            )
        )
    return tuple(found)


def _before(clause: Clause, index: int) -> Token | None:
    """The mention before a name, without what describes it: `than the 6-bit A`."""
    at = index - 1
    while at > 0 and _describes(clause, at):
        at -= 1
    return clause.tokens[at] if at >= 0 else None


def _describes(clause: Clause, index: int) -> bool:
    """`6-bit`, `70B` or `4 GB` right before a name."""
    quantity = clause.tokens[index].quantity
    if quantity is None or quantity.kind not in ("bits", "parameters", "size"):
        return False
    return not clause.between(clause.tokens[index], clause.tokens[index + 1]).strip(" -")


def _group(token: Token) -> str:
    if token.word is None:
        return ""
    return token.word.value if token.word.kind == "group" or token.word.value == "own" else ""


def _joins(clause: Clause, last: Party, index: int, previous: Token, token: Token) -> bool:
    if last.rival and _has_a_number(clause, index):
        return False  # `worse than A and B 8.2 %`
    return last.last == index - 1 and _AND.fullmatch(clause.between(previous, token)) is not None


def _has_a_number(clause: Clause, index: int) -> bool:
    """Whether a number follows a name without a word between."""
    after = clause.tokens[index + 1] if index + 1 < len(clause.tokens) else None
    if after is None or after.quantity is None:
        return False
    return not clause.between(clause.tokens[index], after).strip()


def _merged(clause: Clause, last: Party, previous: Token, token: Token) -> tuple[str, ...]:
    """`qx65-hi + BX20` is one model with two names, `A and B` are two."""
    return tuple(dict.fromkeys((*last.models, *token.models)))


def _linked(clause: Clause, previous: Token, token: Token) -> bool:
    gap = clause.between(previous, token)
    index = clause.tokens.index(previous)
    if previous.quantity and index and gap.strip(" (").lower() in _OWNS:
        link = clause.tokens[index - 1]
        if link.kind("link", "from") and not re.search(r"[,;:)]", clause.between(link, previous)):
            return True
    if (
        previous.quantity
        and gap.strip().lower() in ("of", "of the", "of its")
        and "within" in clause.text[max(0, previous.start - 8) : previous.start]
    ):
        return True
    if previous.quantity and previous.quantity.kind in ("points", "percent") and _OFF.fullmatch(gap):
        return True
    if previous.kind("metric") and clause.text[previous.start : previous.end].lower().endswith(" as"):
        return len(gap.split()) <= 3
    if previous.kind("metric") and gap.strip().lower() in ("of", "of the"):
        earlier = clause.tokens[max(0, index - 3) : index]
        if any(t.kind("times") or (t.quantity and t.quantity.kind == "percent") for t in earlier):
            return True  # `half the size of`, `40 % of the size of`
    if index and previous.kind("link") and clause.text[previous.start : previous.end].lower() == "with":
        number = clause.tokens[index - 1]
        if number.quantity is not None and not clause.between(number, previous).strip():
            return False  # `up 1.5 % with A and 6.3 % with B`
    if not index and _OPENS.fullmatch(clause.text, previous.start, previous.end):
        return not clause.text[clause.start : previous.start].isspace() and previous.start > clause.start
    if _THAT_OF.fullmatch(clause.text, previous.start, previous.end) and not _compared(clause, index):
        return False
    return previous.kind("link", "by", "from") and len(gap.split()) <= 3 and not re.search(r"[,:;]", gap)


def _compared(clause: Clause, index: int) -> bool:
    """Whether `that of` stands behind a comparison: `lower than that of`; else it begins anew."""
    return any(t.relation or t.kind("link", "from") for t in clause.tokens[max(0, index - 2) : index])


def _of_several(previous: Token | None, token: Token) -> bool:
    """`best of both`, `the smallest of A and B`."""
    return bool(_group(token)) or (previous is not None and previous.superlative is not None)


def _arrives(clause: Clause, found: list[Party], index: int) -> bool:
    """`from q4 to qx65`: the second is the one that is spoken of."""
    before = clause.tokens[index - 1]
    if not found or found[-1].last != index - 2 or clause.text[before.start : before.end].lower() != "to":
        return False
    return found[-1].first > 0 and clause.tokens[found[-1].first - 1].kind("from")


def _among(clause: Clause, token: Token) -> bool:
    """`best of both`, `smallest among all models`."""
    before = clause.text[max(clause.start, token.start - 12) : token.start].lower().split()
    return before[-1:] in (["of"], ["among"], ["amongst"]) or before[-2:] in (["of", "the"], ["among", "the"])


def _object(clause: Clause, index: int) -> bool:
    """Whether a verb that takes an object stands shortly before it."""
    for before in range(index - 1, max(-1, index - 4), -1):
        token = clause.tokens[before]
        gap = clause.between(token, clause.tokens[index])
        if token.relation is not None and token.relation.direct:
            return len(gap.split()) <= 4 and not re.search(r"[:;]|\.\s", gap)
        if _describes(clause, before):
            continue
        if not token.kind("strength", "performance", "pronoun"):
            return False
    return False
