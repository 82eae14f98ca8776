"""Whether a number is a difference between two models: `slips by 0.014`, `2.1 points`, no score."""

from __future__ import annotations

import re

from bot.review.claims.claim import Work
from bot.review.claims.metrics import SIZE, SPEED
from bot.review.claims.quantities import Quantity

_REACHED = re.compile(r"\b(?:from|to|with|at|scoring|reaching)\b", re.IGNORECASE)
_NOUN = re.compile(r"\b(?:differences?|gap|delta|distance|penalty)\b", re.IGNORECASE)
_PPL = re.compile(r"\b(?:perplexity|ppl)\b", re.IGNORECASE)
_IN_PERPLEXITY = re.compile(r"\s+(?:in|of) (?:perplexity|ppl)\b", re.IGNORECASE)


def is_difference(work: Work, index: int, quantity: Quantity) -> bool:
    if quantity.kind == "points" or quantity.sign or quantity.high is not None:
        return quantity.kind in ("points", "percent", "plain")
    if work.of_an_error(index):
        return False
    near = work.nearest_relation(index)
    if (
        quantity.kind == "plain"
        and quantity.places
        and _IN_PERPLEXITY.match(work.clause.text, work.clause.tokens[index].end)
    ):
        return True  # `it costs 0.05 in perplexity`
    if quantity.kind == "plain" and quantity.places > 1 and _of_perplexity(work, index):
        return True
    if quantity.kind == "plain" and quantity.places == 1 and _in_a_row(work, index):
        return True
    if within(work, index) and quantity.kind in ("plain", "percent"):
        return True
    if quantity.kind == "percent":
        relation = work.clause.tokens[near].relation if near is not None else None
        return (
            relation is not None
            and relation.sign != 0
            and near is not None
            and not _is_score(work, index, near, quantity)
        )
    if quantity.kind == "times":
        return near is not None or work.metric() in (SIZE, SPEED)
    if quantity.kind in ("size", "speed"):
        relation = work.clause.tokens[near].relation if near is not None else None
        by = bool(index) and work.clause.tokens[index - 1].kind("by")
        tokens = work.clause.tokens
        beside = near == index + 1 and not work.clause.between(tokens[index], tokens[near]).strip()
        behind = (
            bool(index) and near == index - 1 and not work.clause.between(tokens[near], tokens[index]).strip()
        )
        sized = relation is not None and relation.sign != 0 and relation.axis != "quality"
        return sized and (beside or by or (behind and quantity.kind == "size"))
    return quantity.fits_a_score and near is not None and _told_as_difference(work, index, near, quantity)


def _of_perplexity(work: Work, index: int) -> bool:
    said = _PPL.search(work.clause.text, work.clause.start, work.clause.tokens[index].start)
    return said is not None and of_a_difference(work, index)


def within(work: Work, index: int) -> bool:
    """`within 0.1 of the base`."""
    before = work.clause.text[max(0, work.clause.tokens[index].start - 8) : work.clause.tokens[index].start]
    after = work.clause.text[work.clause.tokens[index].end : work.clause.tokens[index].end + 12]
    return before.strip().lower() == "within" and " of " in after


def _is_score(work: Work, index: int, near: int, quantity: Quantity) -> bool:
    """`ARC-C (57.9 %)`, `leads with 71.2 %`: too much for a difference that no word beside it announces."""
    tokens = work.clause.tokens
    if quantity.sign or quantity.low < 15 or (index and tokens[index - 1].kind("by")):
        return False
    first, last = sorted((near, index))
    gap = work.clause.between(tokens[first], tokens[last])
    if re.search(r"[,;:()]", gap) or len(gap.split()) > 2:
        return True
    return near < index and _REACHED.search(gap) is not None


def of_a_difference(work: Work, index: int) -> bool:
    """`the perplexity difference to A is 0.02`."""
    token = work.clause.tokens[index]
    nouns = list(_NOUN.finditer(work.clause.text, work.clause.start, token.start))
    if not nouns or any(mark in work.clause.text[nouns[-1].end() : token.start] for mark in ",;("):
        return False
    return not any(each.quantity for each in work.clause.tokens[:index] if each.start > nouns[-1].start())


def _in_a_row(work: Work, index: int) -> bool:
    """`drops by 1.7 points on A and by 3.1 on B`: the unit is said once."""
    tokens = work.clause.tokens
    points = any(t.quantity is not None and t.quantity.kind == "points" for t in tokens[:index])
    if not points or not index:
        return False
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    on = (
        after is not None
        and after.tasks
        and work.clause.between(tokens[index], after).strip() in ("on", "in")
    )
    quantity, before = tokens[index].quantity, tokens[index - 1]
    bare = bool(before.tasks) and not work.clause.between(before, tokens[index]).strip()
    small = quantity is not None and quantity.low < 15
    return before.kind("by") or bool(on) or (bare and small)


def _told_as_difference(work: Work, index: int, near: int, quantity: Quantity) -> bool:
    """`slips by 0.014`, `0.021 lower`, `a 0.014 gain`; a score would not be this small beside a relation."""
    tokens = work.clause.tokens
    if index and tokens[index - 1].kind("by"):
        return True
    if near == index + 1 and not (quantity.low < 0.1 and not _arrow_mark(work, near)):
        gap = work.clause.between(tokens[index], tokens[near])
        return (
            len(gap.split()) <= 1
            and not any(mark in gap for mark in ",;:()\u2192")
            and tokens[near].relation is not None
            and not _arrow(work, near)
        )
    return quantity.low < 0.1


def _arrow_mark(work: Work, index: int) -> bool:
    return work.clause.text[work.clause.tokens[index].start] in "\u2190\u2191\u2192\u2193"


def _arrow(work: Work, index: int) -> bool:
    token = work.clause.tokens[index]
    compared = work.clause.text[token.start : token.end].lower().endswith("than")
    if token.relation is not None and token.relation.sign and (token.relation.axis == "value" or compared):
        return _arrow_mark(work, index)
    return _arrow_mark(work, index) or (token.relation is not None and token.relation.direct)
