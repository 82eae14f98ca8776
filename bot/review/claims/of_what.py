"""What a difference is of: a metric or some tasks, as the clause says it or leaves it unsaid."""

from __future__ import annotations

from bot.records import Record
from bot.review.claims.claim import Work, metric_of
from bot.review.claims.clause import TaskGroup
from bot.review.claims.metrics import BITS, MEAN, PARAMETERS, SIZE, SPEED
from bot.review.claims.quantities import Quantity
from bot.review.claims.words import Relation


class Of(Record, frozen=True, kw_only=True):
    """`metric` is empty for tasks, and both are where nothing is said. `unclear`: why nobody can tell."""

    metric: str = ""
    group: TaskGroup | None = None
    unclear: str = ""


def of_what(work: Work, index: int, quantity: Quantity, relation: Relation | None) -> Of:
    """What the difference at `index` is of."""
    metric = metric_of(relation if quantity.kind != "points" else None, work.metric_at(index))
    metric = {"size": SIZE, "speed": SPEED}.get(quantity.kind, metric)
    if quantity.kind == "points" and metric in (SIZE, SPEED, PARAMETERS, BITS):
        metric = ""  # points are of scores
    group = work.tasks_for(index)
    if (
        metric == MEAN
        and group is not None
        and (_attached(work, index, group) or _nearer(work, index, group))
    ):
        metric = ""
    if metric in ("", MEAN) and _of_the_rest(work, index, group):
        rest = work.rest()
        if not rest:
            return Of(unclear="it is not said which tasks are meant")
        group = TaskGroup(tasks=rest, first=0, last=0)
    if group is None and metric in ("", MEAN) and work.context.tasks:
        group = TaskGroup(tasks=work.context.tasks, first=0, last=0, loose=work.context.loose)
    if group is not None and len(group.tasks) > 1 and (place := work.listed(index)) is not None:
        if place[1] != len(group.tasks):
            return Of(unclear="which number is of which task is not said")
        task = group.tasks[place[0] : place[0] + 1]
        group = TaskGroup(tasks=task, first=group.first, last=group.last)
    if group is None and not metric and quantity.kind != "points":
        metric = _of_unit(work, index)
    return Of(metric=metric, group=group)


def _attached(work: Work, index: int, group: TaskGroup) -> bool:
    """`0.9 points (PIQA)`, `PIQA (+0.9)`: nothing but a bracket lies between task and number."""
    tokens = work.clause.tokens
    first, last = (index, group.first) if group.first > index else (group.last, index)
    return work.clause.between(tokens[first], tokens[last]).strip() == "("


def _nearer(work: Work, index: int, group: TaskGroup) -> bool:
    """`loses 0.8 on average and wins one task, A, by 0.2`: the mean has its number already."""
    tokens = work.clause.tokens
    if group.last > index:
        return False
    before = tokens[: group.first]
    mean = max((i for i, t in enumerate(before) if t.word is not None and t.word.value == MEAN), default=-1)
    return mean >= 0 and any(token.quantity is not None for token in before[mean:])


def _of_the_rest(work: Work, index: int, group: TaskGroup | None) -> bool:
    """`the others` stands nearer than any task: `draws on A and trails by 0.1 elsewhere`."""
    places = [i for i, t in enumerate(work.clause.tokens) if t.word is not None and t.word.value == "else"]
    if not places:
        return False
    if group is None:
        return True
    near = min(abs(place - index) for place in places)
    return near < min(abs(group.first - index), abs(group.last - index))


def _of_unit(work: Work, index: int) -> str:
    """`in 15.8 GB: 24 % less than q4`: the number before it says by its unit what is compared."""
    kinds = [t.quantity.kind for t in (*work.clause.earlier, *work.clause.tokens[:index]) if t.quantity]
    known = {"size": SIZE, "speed": SPEED}
    return known.get(kinds[-1], "") if kinds else ""
