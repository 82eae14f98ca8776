"""`#1 on 4 of 7`, `best on three tasks`: on how many tasks somebody stands first or last."""

from __future__ import annotations

import re

from bot.review.claims.claim import Work
from bot.review.claims.findings import Reading
from bot.review.claims.quantities import Quantity
from bot.review.claims.sides import sides
from bot.review.claims.standing import standing_among


def ranked_before(work: Work, index: int) -> int | None:
    """`#1 scores across 3 metrics`, `best on 4 of 7`: the place of the superlative, if there is one."""
    for before in range(index - 1, max(-1, index - 5), -1):
        token = work.clause.tokens[before]
        if re.search(r"[:;]", work.clause.between(token, work.clause.tokens[index])):
            return None
        first = token.quantity is not None and token.quantity.kind == "rank" and token.quantity.low == 1
        best = token.superlative is not None and token.superlative.rank == 1
        if first or best:
            return before
        if token.relation is not None or token.is_model:
            return None
    return None


def first_places(work: Work, index: int, quantity: Quantity, ranked: int) -> list[Reading]:
    """On how many tasks the subject has the best (or worst) score, alone or not, of those that are known."""
    who = sides(work.scale, work.clause, work.context, ranked)
    if who.unknown:
        return [Reading(holds=None, why="it speaks of a model that these facts do not have")]
    mine = who.subjects[0]
    word = work.clause.tokens[ranked].superlative
    sign = word.sign if word is not None else 1
    what = "first" if sign > 0 else "last"
    found = []
    for group in standing_among(work, who):
        alone = shared = 0
        for task in (task for task in work.scale.tasks if task in mine.scores):
            others = [other.scores[task].value for other in group if task in other.scores]
            value = mine.scores[task].value
            alone += bool(others) and all((value - other) * sign > 0 for other in others)
            shared += bool(others) and all((value - other) * sign >= 0 for other in others)
        told = f"{mine.label} is {what} alone on {alone} of the tasks, with ties on {shared}"
        said = len(mine.scores) - int(quantity.low) if quantity.short else int(quantity.low)
        right = alone <= said <= shared
        found.append(Reading(holds=right, why=told))
    return found
