"""`the only losses are A and B`, `it loses only on A`: exactly these tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import TaskGroup
from bot.review.claims.findings import Reading
from bot.review.claims.judge import readings
from bot.review.claims.metrics import title
from bot.review.claims.sides import Sides, sides
from bot.review.claims.tally import WHAT, counted
from bot.review.claims.words import Relation

# "only 0.7 points", "the only model above": nothing about which tasks
_ONLY_A = re.compile(r"\s+(?:[+\-.]?\d|a\b|model|quant|one\b|version|recipe|by\b|half|slightly|marginally)")


def find(work: Work) -> Iterator[Claim]:
    """`the only losses are A and B`, `it loses only on A`: exactly these tasks."""
    tokens = work.clause.tokens
    only = next((i for i, token in enumerate(tokens) if token.kind("only")), None)
    if only is None or not work.groups or _ONLY_A.match(work.clause.text, tokens[only].end):
        return
    group = next((g for g in work.groups if g.first > only), None)
    first = _are_the_only(work, only)
    place = work.nearest_relation(only, reach=5 if first else 2)
    if place is None:
        return
    relation, group = tokens[place].relation, first or group
    if relation is None or group is None or relation.axis in ("size", "speed") or relation.sign == 0:
        return
    named = first.tasks if first else _tasks_after(work, only)
    who = sides(work.scale, work.clause, work.context, place)
    places = [only, place, *(index for index, token in enumerate(tokens) if token.tasks)]
    made = _claim_only(work, who, relation, named, (min(places), max(places)))
    if made is not None:
        yield made


def _are_the_only(work: Work, only: int) -> TaskGroup | None:
    """The tasks in `A and B are the only tasks on which ...`."""
    before = [group for group in work.groups if group.last < only]
    if not before:
        return None
    gap = work.clause.text[work.clause.tokens[before[-1].last].end : work.clause.tokens[only].start]
    return (
        before[-1] if re.fullmatch(r"\s*\)?\s*(?:is|are|was|were|remains?)\s+(?:the|its)?\s*", gap) else None
    )


def _tasks_after(work: Work, only: int) -> tuple[str, ...]:
    found = [task for token in work.clause.tokens[only:] for task in token.tasks]
    return tuple(dict.fromkeys(found))


def _claim_only(
    work: Work, who: Sides, relation: Relation, named: tuple[str, ...], span: tuple[int, int]
) -> Claim | None:
    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        count = counted(work.scale, mine, theirs, Relation(sign=relation.sign))
        told = count.told(mine, theirs, WHAT[relation.sign])
        if not count.tasks:
            return Reading(holds=None, why="no task in common")
        missing = [title(task) for task in count.where if task not in named]
        right = set(count.where) == set(named) & set(count.tasks) and bool(count.where)
        return Reading(holds=right, why=told + (f", also on {', '.join(missing)}" if missing else ""))

    before = set(work.taken)
    made = work.claim(*span, readings(who.subjects, who.rivals, judged))
    numbers = {i for i in range(span[0], span[1] + 1) if work.clause.tokens[i].quantity}
    work.taken = before | (work.taken - numbers)
    return made
