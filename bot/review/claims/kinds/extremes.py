"""`#1`, `best on A and B`, `lowest perplexity`, `the smallest`, `the largest gain is on A`."""

from __future__ import annotations

from collections.abc import Iterator

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
        if GAP.match(work.clause.text, tokens[index].end) and work.groups and word.sign > 0:
            yield widest(work, index)
            continue
        if (tasks := own_task(work, index)) and token.superlative is not None:
            yield among_own(work, index, word, tasks)
            continue
        if gain is not None and (work.groups or work.context.tasks):
            yield extreme_gain(work, index, gain, word)
        elif metrics := metrics_at(work, index, word):
            yield standing(work, index, word, metrics)
