"""`wins 6/7`, `better on two of seven tasks (A, B)`, `5 wins, 1 tie`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.findings import Reading
from bot.review.claims.first_places import first_places, ranked_before
from bot.review.claims.judge import fits, readings
from bot.review.claims.quantities import Quantity
from bot.review.claims.sides import sides
from bot.review.claims.tally import WHAT, Count, counted
from bot.review.claims.words import Relation

_RESULTS = re.compile(r"(?:wins?|loss(?:es)?|ties?|draws?|victor(?:y|ies)|defeats?)\b", re.IGNORECASE)


def find(work: Work) -> Iterator[Claim]:
    """Counts of tasks."""
    for found in _counts(work):
        if found is not None:
            yield found


def _counts(work: Work) -> Iterator[Claim | None]:
    tokens = work.clause.tokens
    for index in list(work.free()):
        quantity = tokens[index].quantity
        if quantity is None or quantity.kind not in ("fraction", "count"):
            continue
        ranked = ranked_before(work, index)
        place = _counted(work, index) if ranked is None else None
        relation = tokens[place].relation if place is not None else None
        if relation is None and ranked is None:
            yield _wrong_total(work, index, quantity)
            continue
        if relation is not None and relation.axis in ("size", "speed"):
            continue
        if quantity.low == 1 and place is not None and place < index and work.negative(place):
            quantity = replace(quantity, low=0)  # `without losing a single task`
        first, last = _span(work, index, ranked if ranked is not None else place)
        last += last == index and index + 1 < len(tokens) and tokens[index + 1].kind("performance")
        listed = _listed(work, index)
        if ranked is not None:
            found = first_places(work, index, quantity, ranked)
        else:
            assert relation is not None
            found = _readings(work, place or 0, index, quantity, relation, listed)
        share = _percent_after(work, index)
        yield work.claim(first, last, found, number=index, paired=ranked is None)
        for place in share:
            yield work.claim(place, place, [_share(each, tokens[place].quantity) for each in found])


def _counted(work: Work, index: int) -> int | None:
    """What is counted: the wins or losses right behind the number, else what stands nearest."""
    tokens = work.clause.tokens
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    gap = work.clause.between(tokens[index], after) if after is not None else ""
    if after is None or after.relation is None or re.search(r",|\band\b|\bor\b", gap):
        return work.nearest_relation(index)
    return index + 1 if _RESULTS.match(work.clause.text, after.start) else work.nearest_relation(index)


def _span(work: Work, index: int, place: int | None) -> tuple[int, int]:
    """From the relation to the number, or to the relation; a verb in front of a model belongs to it."""
    if place is None:
        return index, index
    return min(index, place), max(index, place)


def _listed(work: Work, index: int) -> tuple[str, ...]:
    """The tasks in brackets or after a colon right behind the count, or in front of `are the three`."""
    for group in work.groups:
        if group.last == index - 1:
            gap = work.clause.between(work.clause.tokens[group.last], work.clause.tokens[index])
            if gap.strip(" )").lower() in ("are the", "were the", "are its", "are our", "remain the"):
                return group.tasks
    for group in work.groups:
        if group.first > index:
            gap = work.clause.text[work.clause.tokens[index].end : work.clause.tokens[group.first].start]
            if any(token.quantity for token in work.clause.tokens[index + 1 : group.first]):
                return ()
            if any(mark in gap for mark in "(:\u2014") and len(gap) < 40:
                return group.tasks
    return ()


def _share(reading: Reading, printed: Quantity | None) -> Reading:
    """The percent in brackets behind a count: it must be that of the right count."""
    told = re.search(r"(\d+) of (\d+) tasks", reading.why)
    if told is None or printed is None or not int(told[2]):
        return Reading(holds=None, why=reading.why)
    share = 100 * int(told[1]) / int(told[2])
    right = abs(share - printed.low) <= printed.slack
    return Reading(holds=right, why=f"{reading.why}: {share:.1f} %", fix=None if right else f"{share:.1f}%")


def _percent_after(work: Work, index: int) -> set[int]:
    tokens = work.clause.tokens
    if index + 1 < len(tokens):
        for after in range(index + 1, min(index + 4, len(tokens))):
            quantity = tokens[after].quantity
            gap = work.clause.text[tokens[after].start - 1 : tokens[after].start]
            if quantity is not None and quantity.kind == "percent" and gap == "(":
                return {after}
            if quantity is not None:
                break
    return set()


def _readings(
    work: Work, anchor: int, index: int, quantity: Quantity, relation: Relation, listed: tuple[str, ...]
) -> list[Reading]:
    who = sides(work.scale, work.clause, work.context, min(anchor, index), index if anchor < index else None)
    if who.unknown:
        return [Reading(holds=None, why="it speaks of a model that these facts do not have")]
    counted = Relation(sign=-relation.sign if who.passive else relation.sign, strength=relation.strength)

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        return _count_of(work, mine, theirs, quantity, counted, listed)

    return readings(who.subjects, who.rivals, judged)


def _count_of(
    work: Work,
    mine: Model,
    theirs: Sequence[Model],
    quantity: Quantity,
    relation: Relation,
    listed: tuple[str, ...],
) -> Reading:
    count = counted(work.scale, mine, theirs, relation)
    told = count.told(mine, theirs, WHAT[relation.sign])
    if not count.tasks:
        return Reading(holds=None, why=f"{mine.label} has no task in common with all of them")
    totals = {*count.totals, len(work.scale.tasks)}
    if quantity.whole is not None and quantity.whole not in totals:
        return Reading(
            holds=False,
            why=f"there are {len(count.tasks)} tasks, not {quantity.whole}; {told}",
            fix=_fixed(quantity, count),
        )
    low = len(count.tasks) - int(quantity.low) if quantity.short else int(quantity.low)
    right = low in count.numbers or _bounded(work, quantity, count)
    if right and listed and len(listed) == int(quantity.low):
        right = all(task in count.where for task in listed if task in count.tasks)
    if not right and _restricted(work, quantity) and low < len(count.where):
        return Reading(holds=None, why=f"{told}; perhaps not on all of them so")
    return Reading(holds=right, why=told, fix=None if right else _fixed(quantity, count))


def _restricted(work: Work, quantity: Quantity) -> bool:
    """`on five tasks by half a point`: others may differ by more or less."""
    tokens = work.clause.tokens
    kinds = [(t.quantity.kind, t.quantity.whole) if t.quantity else None for t in tokens]
    place = kinds.index((quantity.kind, quantity.whole))
    return any(
        token.kind("by") and any(following.quantity for following in tokens[at + 1 : at + 3])
        for at, token in enumerate(tokens)
        if at > place
    )


def _bounded(work: Work, quantity: Quantity, count: Count) -> bool:
    """`at least 4 of 7`."""
    place = next((i for i, token in enumerate(work.clause.tokens) if token.quantity is quantity), None)
    bound = work.bound(place) if place is not None else ""
    return (
        bool(bound)
        and bound != "about"
        and any(fits(quantity, float(number), bound) for number in count.numbers)
    )


def _fixed(quantity: Quantity, count: Count) -> str:
    if quantity.short or quantity.kind != "fraction":
        return (
            str(len(count.where)) if not quantity.short else f"all but {len(count.tasks) - len(count.where)}"
        )
    return f"{len(count.where)}{'/' if quantity.letter else ' of '}{len(count.tasks)}"


def _wrong_total(work: Work, index: int, quantity: Quantity) -> Claim | None:
    """`across 7 of the 8 metrics` where there are seven: wrong whatever it says of them."""
    scale = work.scale
    if quantity.whole is None or not scale.tasks or not work.clause.has("performance"):
        return None
    known = {len(scale.tasks), *(len([t for t in scale.tasks if t in m.scores]) for m in scale.scored)}
    if quantity.whole in known or quantity.whole < 3:
        return None
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    if after is None or not after.kind("performance"):
        return None
    why = f"there are {len(scale.tasks)} tasks, not {quantity.whole}"
    return work.claim(index, index + 1, [Reading(holds=False, why=why)], sure=True)
