"""`flawless`, `near-perfect`: a score of at least what the word wants."""

from __future__ import annotations

from collections.abc import Iterator

from bot.review.claims.claim import Claim, Work
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import turned
from bot.review.claims.metrics import shown, title
from bot.review.claims.sides import sides
from bot.review.claims.standing import tasks_at
from bot.review.claims.thresholds import PERFECT


def find(work: Work) -> Iterator[Claim]:
    """Claims that a score is as good as can be."""
    for index in list(work.free()):
        if not work.clause.tokens[index].kind("perfect"):
            continue
        tasks = tasks_at(work, index)
        if not tasks:
            continue
        who = sides(work.scale, work.clause, work.context, index)
        found = []
        for mine in who.subjects:
            for task in tasks:
                value = work.scale.value(mine, task)
                told = (
                    f"{title(task)} of {mine.label} is {shown(task, value)}"
                    if value is not None
                    else "not known"
                )
                right = None if value is None else value >= PERFECT
                found.append(Reading(holds=right, why=f"{told}; the word wants at least {PERFECT}"))
        whole = together(found)
        made = work.claim(index, index, turned([whole] if whole else [], negative=work.negative(index)))
        if made is not None:
            yield made
