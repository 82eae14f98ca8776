"""`a win rate of 71.4 %`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.findings import Reading
from bot.review.claims.judge import fits, readings
from bot.review.claims.quantities import Quantity
from bot.review.claims.sides import sides
from bot.review.claims.tally import WHAT, counted
from bot.review.claims.words import Relation

_WIN = Relation(sign=1)


def find(work: Work) -> Iterator[Claim]:
    """The share of tasks that are won."""
    tokens = work.clause.tokens
    rate = next((i for i, token in enumerate(tokens) if token.kind("win")), None)
    if rate is None:
        return
    for index in list(work.free()):
        quantity = tokens[index].quantity
        if quantity is None or quantity.kind != "percent" or abs(index - rate) > 4:
            continue
        if any(token.quantity and token.quantity.kind == "fraction" for token in tokens):
            continue
        who = sides(work.scale, work.clause, work.context, index)

        def judged(mine: Model, theirs: Sequence[Model], quantity: Quantity = quantity) -> Reading:
            count = counted(work.scale, mine, theirs, _WIN)
            told = count.told(mine, theirs, WHAT[1])
            if not count.tasks:
                return Reading(holds=None, why="no task in common")
            right = any(fits(quantity, number / len(count.tasks), "", 100.0) for number in count.numbers)
            return Reading(holds=right, why=told, fix=f"{100 * len(count.where) / len(count.tasks):.1f}%")

        made = work.claim(index, index, readings(who.subjects, who.rivals, judged))
        if made is not None:
            yield made
