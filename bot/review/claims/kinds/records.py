"""`a record of 6-1`, `wins 4, loses 2, ties 1 (4/2/1)`: wins, losses and ties in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.findings import Reading
from bot.review.claims.judge import readings
from bot.review.claims.quantities import Quantity
from bot.review.claims.sides import sides
from bot.review.claims.tally import counted
from bot.review.claims.words import Relation

_RESULTS = (Relation(sign=1), Relation(sign=-1), Relation(sign=0, strength="same"))


def find(work: Work) -> Iterator[Claim]:
    """Records against a rival; one that counts other things than the tasks is left alone."""
    for index in list(work.free()):
        quantity = work.clause.tokens[index].quantity
        if quantity is None or quantity.kind != "record":
            continue
        made = work.claim(index, index, _readings(work, index, quantity), number=index, paired=True)
        work.taken.add(index)
        if made is not None:
            yield made


def _readings(work: Work, index: int, quantity: Quantity) -> list[Reading]:
    who = sides(work.scale, work.clause, work.context, index)
    if who.unknown:
        return [Reading(holds=None, why="it speaks of a model that these facts do not have")]

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        return _record(work, mine, theirs, quantity)

    return readings(who.subjects, who.rivals, judged)


def _record(work: Work, mine: Model, theirs: Sequence[Model], quantity: Quantity) -> Reading:
    counts = [counted(work.scale, mine, theirs, relation) for relation in _RESULTS]
    tasks = len(counts[0].tasks)
    won, lost, tied = (len(count.where) for count in counts)
    against = " and ".join(other.label for other in theirs)
    told = f"{mine.label} wins {won}, loses {lost} and ties {tied} of {tasks} tasks against {against}"
    if not tasks:
        return Reading(holds=None, why=f"{mine.label} has no task in common with all of them")
    said = [int(quantity.low), int(quantity.high or 0)]
    if quantity.whole is not None:
        right = [*said, quantity.whole] in ([won, lost, tied], [won, tied, lost])
        return Reading(holds=right, why=told, fix=None if right else f"{won}/{lost}/{tied}")
    right = said == [won, lost] or (len(theirs) == 1 and said == [won + tied, lost] and tied > 0)
    return Reading(holds=right, why=told, fix=None if right else f"{won}-{lost}")
