"""`+0.006`, `2.1 points ahead`, `3.7 % lower`, `gains of 1.4-2.5 %`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import TaskGroup
from bot.review.claims.edges import edge_of, extreme
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import differs, in_range, readings
from bot.review.claims.metrics import MEAN, PARAMETERS, PERPLEXITY, SIZE, SPEED
from bot.review.claims.of_what import of_what
from bot.review.claims.other_ways import by_others, crowded
from bot.review.claims.quantities import Quantity
from bot.review.claims.sides import Sides, pairs, sides
from bot.review.claims.tally import counted
from bot.review.claims.told_as_difference import is_difference, within
from bot.review.claims.words import Relation


def find(work: Work) -> Iterator[Claim]:
    """Numbers that are differences between two models."""
    for index in list(work.free()):
        quantity = work.clause.tokens[index].quantity
        made = None
        if quantity is not None and is_difference(work, index, quantity):
            made = _claim(work, index, quantity)
        if made is not None:
            yield made


def _claim(work: Work, index: int, quantity: Quantity) -> Claim | None:
    near = work.nearest_relation(index) if not within(work, index) else None
    relation = work.clause.tokens[near].relation if near is not None else None
    what = of_what(work, index, quantity, relation)
    if what.unclear:
        return work.claim(index, index, [Reading(holds=None, why=what.unclear)])
    metric, group = what.metric, what.group
    anchor = near if near is not None else index
    if work.negative(anchor) or work.quantifier() == "none":
        return _never(work, index, anchor, quantity)
    who = sides(work.scale, work.clause, work.context, anchor, index)
    if who.unknown:
        return work.claim(
            index, index, [Reading(holds=None, why="it speaks of a model that these facts do not have")]
        )
    if group is None and not metric and near is None and not who.named and not work.clause.has("performance"):
        return None  # a bare number: nothing says what it is of
    sign = _direction(quantity, relation, passive=who.passive)
    if group is None and not metric and who.named and near is not None and (edge := edge_of(work, near)):
        extremes = [extreme(work, a, b, quantity, sign, edge) for a, b in pairs(who)]
        return work.claim(index, index, extremes, number=index, paired=True)
    found = _readings(work, who, index, quantity, sign, relation, metric, group)
    if not any(each.holds for each in found) and (not who.named or crowded(work)):

        def judged(other: Sides, tasks: TaskGroup | None = group) -> list[Reading]:
            return _readings(work, other, index, quantity, sign, relation, metric, tasks)

        found = by_others(work, who, found, judged)
    first, last = index, index
    if near is not None and abs(near - index) <= 2 and _side_by_side(work, near, index):
        first, last = min(index, near), max(index, near)
    made = work.claim(first, last, found, number=index, paired=True)
    if (
        near is not None
        and work.strength(near) != "big"
        and relation is not None
        and relation.strength != "big"
    ):
        work.taken.add(near)
    return made


def _never(work: Work, index: int, anchor: int, quantity: Quantity) -> Claim | None:
    """`never falls more than 1.1 points behind`: no task differs by more. Other denials are left alone."""
    relation = work.clause.tokens[anchor].relation
    who = sides(work.scale, work.clause, work.context, anchor, index)
    if (
        work.bound(index) != "least"
        or (relation is None and not who.named)
        or who.unknown
        or quantity.kind not in ("points", "percent", "plain")
    ):
        return None
    group = work.tasks_for(index)
    found = []
    for mine, other in pairs(who):
        parts = []
        for task in group.tasks if group else work.scale.shared(mine, other):
            gap = work.scale.gap(mine, other, task)
            far = relation is None or (gap.better or 0.0) * relation.sign > 0
            reading = differs(work.scale, mine, other, task, quantity, 0, "most")
            parts.append(reading if far or gap.delta is None else Reading(holds=True, why=reading.why))
        found += [whole] if (whole := together(parts)) else []
    work.taken.add(anchor)
    return work.claim(index, index, found)


def _side_by_side(work: Work, near: int, index: int) -> bool:
    first, last = sorted((near, index))
    gap = work.clause.text[work.clause.tokens[first].end : work.clause.tokens[last].start]
    return near < index or not any(mark in gap for mark in "(;,")


def _direction(quantity: Quantity, relation: Relation | None, *, passive: bool) -> int:
    if quantity.sign:
        return quantity.sign
    if relation is None:
        return 0
    return -relation.sign if passive else relation.sign


def _readings(
    work: Work, who: Sides, index: int, quantity: Quantity, sign: int, relation: Relation | None, metric: str,
    group: TaskGroup | None,
) -> list[Reading]:  # fmt: skip
    bound = work.bound(index)
    if metric in (SIZE, SPEED, PERPLEXITY, PARAMETERS):
        one_by_one = pairs(who)
        valued = _by_value(relation, metric, quantity, sign, moves=_only_moves(work, index))
        return [differs(work.scale, a, b, metric, quantity, valued, bound) for a, b in one_by_one]
    if quantity.high is not None:
        return _range(work, who, quantity, sign, group)
    if group is not None and metric != MEAN:
        return [
            _on_tasks(work, a, b, group, quantity, sign, bound)
            for a, b in pairs(who)
        ]  # fmt: skip
    if work.quantifier() == "all" and bound:
        return [_on_tasks(work, a, b, _all(work, a, b), quantity, sign, bound) for a, b in pairs(who)]
    if bound == "most" and metric != MEAN:
        return [_at_most(work, a, b, quantity, sign) for a, b in pairs(who)]
    if metric == MEAN or work.quantifier() == "all":
        means = (MEAN, *work.mean_of())
        return [
            differs(work.scale, a, b, mean, quantity, sign, bound) for a, b in pairs(who) for mean in means
        ]
    return _anywhere(work, who, quantity, sign, bound)


def _at_most(work: Work, mine: Model, theirs: Model, quantity: Quantity, sign: int) -> Reading:
    """`up to 2.5 points`, `the gap never exceeds 0.8`: true of every shared task that goes that way."""
    parts = []
    for task in work.scale.shared(mine, theirs):
        delta = work.scale.gap(mine, theirs, task).delta or 0.0
        reading = differs(work.scale, mine, theirs, task, quantity, 0, "most")
        parts.append(reading if not sign or delta * sign > 0 else Reading(holds=True, why=reading.why))
    return together(parts) or Reading(holds=None, why="no task in common")


def _all(work: Work, mine: Model, theirs: Model) -> TaskGroup:
    return TaskGroup(tasks=work.scale.shared(mine, theirs) or (MEAN,), first=0, last=0)


def _by_value(
    relation: Relation | None, metric: str, quantity: Quantity, sign: int, *, moves: bool = False
) -> int:
    """The sign of the difference in values: a perplexity that improves is a lower one."""
    if relation is not None and relation.axis == "quality" and metric == PERPLEXITY and moves:
        return 0
    quality = relation is not None and relation.axis == "quality"
    return -sign if quality and metric == PERPLEXITY and not quantity.sign else sign


def _only_moves(work: Work, index: int) -> bool:
    """`the perplexity gains 0.02`: more of it, though less is better; the word says either."""
    near = work.nearest_relation(index)
    if near is None:
        return False
    token = work.clause.tokens[near]
    return work.clause.text[token.start : token.end].lower().startswith(("gain", "los", "win"))


def _on_tasks(
    work: Work, mine: Model, theirs: Model, group: TaskGroup, quantity: Quantity, sign: int, bound: str
) -> Reading:
    parts = [differs(work.scale, mine, theirs, task, quantity, sign, bound) for task in group.tasks]
    if group.loose or (bound == "most" and len(parts) > 1 and sign):
        return next((part for part in parts if part.holds), parts[0])
    whole = together(parts)
    assert whole is not None
    return whole


def _range(work: Work, who: Sides, quantity: Quantity, sign: int, group: TaskGroup | None) -> list[Reading]:
    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        tasks = group.tasks if group else counted(work.scale, mine, theirs, Relation(sign=sign or 1)).where
        if not tasks:
            return Reading(
                holds=False if work.scale.shared(mine, theirs[0]) else None,
                why=f"{mine.label} has none over {theirs[0].label}",
            )
        return in_range(work.scale, mine, theirs, tasks, quantity, sign)

    return readings(who.subjects, who.rivals, judged)


def _anywhere(work: Work, who: Sides, quantity: Quantity, sign: int, bound: str) -> list[Reading]:
    """No task is named: the mean, or any one task; refuted only where the clause speaks of scores."""
    found = []
    scored = work.clause.has("performance")
    for mine, other in pairs(who):
        tried = [
            differs(work.scale, mine, other, metric, quantity, sign, bound)
            for metric in (MEAN, *work.scale.shared(mine, other))
        ]
        hit = next((each for each in tried if each.holds), None)
        if hit:
            found.append(hit)
        elif scored and who.named:
            found.append(Reading(holds=False, why=f"no task and no mean differs so; {tried[0].why}"))
        else:
            found.append(Reading(holds=None, why="it is not said what this number is of"))
    return found
