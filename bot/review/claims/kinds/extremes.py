"""`#1`, `best on A and B`, `lowest perplexity`, `the smallest`, `the largest gain is on A`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bot.review.claims.claim import Claim, Work
from bot.review.claims.largest import (
    GAP,
    OF_ALL,
    among_own,
    extreme_gain,
    gain_behind,
    of_the_table,
    own_task,
    suffers_most,
    widest,
)
from bot.review.claims.standing import metrics_at, standing
from bot.review.claims.words import Superlative


def find(work: Work) -> Iterator[Claim]:
    """Claims that something stands first, last or at a rank."""
    for made in (*_superlatives(work), *suffers_most(work)):
        if made is not None:
            yield made


def _elliptic(work: Work, index: int, word: Superlative) -> bool:
    """`the smallest loss is on A, the largest on B`: of what it is the largest was said before."""
    tokens = work.clause.tokens
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None or word.axis not in ("value", "size") or not (following.tasks or following.quantity):
        return False
    before = (*work.clause.earlier, *tokens[:index])
    if any(a.superlative and b.relation for a, b in pairwise(before)):
        return True
    return any(each.superlative and GAP.match(work.clause.text, each.end) for each in before)


def _superlatives(work: Work) -> Iterator[Claim | None]:
    tokens = work.clause.tokens
    for index in list(work.free()):
        token = tokens[index]
        rank = token.quantity is not None and token.quantity.kind == "rank"
        if token.superlative is None and not rank:
            continue
        word = token.superlative or Superlative(sign=1, rank=int(token.quantity.low) if token.quantity else 1)
        if OF_ALL.match(work.clause.text, tokens[index].end) and len(work.groups) == 1:
            yield of_the_table(work, index, word)
            continue
        gain = gain_behind(work, index)
        if gain is None and _elliptic(work, index, word):
            continue
        if GAP.match(work.clause.text, tokens[index].end) and work.groups and word.sign > 0:
            yield widest(work, index)
            continue
        if gain is None and (tasks := own_task(work, index)) and token.superlative is not None:
            yield among_own(work, index, word, tasks)
            continue
        if gain is not None and (work.groups or work.context.tasks):
            yield extreme_gain(work, index, gain, word)
        elif metrics := metrics_at(work, index, word):
            yield standing(work, index, word, metrics)
