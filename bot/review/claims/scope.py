"""What a comparison in words speaks of: a metric, some tasks, all, most or the rest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Work
from bot.review.claims.clause import TaskGroup
from bot.review.claims.findings import Reading
from bot.review.claims.judge import any_task, related
from bot.review.claims.metrics import MEAN, SIZE
from bot.review.claims.sides import Sides
from bot.review.claims.tally import most, overall
from bot.review.claims.words import Relation

Judged = Callable[[Model, Sequence[Model]], Reading]


def judged_by(
    work: Work, index: int, relation: Relation, metric: str, who: Sides, *, everyone: bool = False
) -> Judged | None:
    """How the claim is judged by what it speaks of; None where it speaks of nothing that can be compared."""
    scale = work.scale
    if metric == SIZE and relation.axis not in ("size", "value"):
        return None
    if metric == MEAN and _of_the_mean(work, index):
        return lambda mine, theirs: related(scale, mine, theirs, (MEAN,), relation)
    if metric and metric != MEAN and _about(work, index, metric, relation):
        return lambda mine, theirs: related(scale, mine, theirs, (metric,), relation)
    quantifier = "all" if relation.every else work.quantifier()
    group = work.spread(work.tasks_for(index))
    if group is not None and _of_an_award(work, index, group):
        return None
    if quantifier == "else" and _own_tasks(work, index):
        quantifier = ""
    if quantifier == "except" and _behind_exception(work, index):
        quantifier = ""
    if quantifier == "except":
        kept = tuple(task for task in scale.tasks if task not in work.excluded())
        if not work.excluded():
            return None
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, kept), relation)
    if quantifier == "else":
        rest = work.rest()
        if not rest:
            return None
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, rest), relation)
    if group is not None:
        judge = any_task if group.loose else related
        return lambda mine, theirs: judge(scale, mine, theirs, group.tasks, relation)
    if quantifier == "all" and (
        who.named
        or everyone
        or relation.every
        or relation.strength == "close"
        or work.clause.has("performance")
    ):
        return lambda mine, theirs: related(scale, mine, theirs, _held(mine, theirs, scale.tasks), relation)
    if quantifier == "most":
        return lambda mine, theirs: most(scale, mine, theirs, relation)
    if metric == MEAN:
        return lambda mine, theirs: related(scale, mine, theirs, (MEAN,), relation)
    if work.context.tasks and not relation.soft and not work.context.borrowed:
        judge = any_task if work.context.loose else related
        return lambda mine, theirs: judge(scale, mine, theirs, work.context.tasks, relation)
    if (
        who.named
        and relation.axis in ("quality", "value")
        and (relation.direct or work.clause.has("performance"))
    ):
        return lambda mine, theirs: overall(scale, mine, theirs, relation)
    return None


def _of_an_award(work: Work, index: int, group: TaskGroup) -> bool:
    """`Where A does not win: T belongs to B`: the task behind the colon has its own statement."""
    if group.first < index or group.first not in work.taken:
        return False
    return ":" in work.clause.between(work.clause.tokens[index], work.clause.tokens[group.first])


def _of_the_mean(work: Work, index: int) -> bool:
    """`Thanks to A the averages are equal`: the mean stands between any task and the relation."""
    group = work.tasks_for(index)
    if group is None or group.last >= index:
        return False
    return any(
        token.word is not None and token.word.value == MEAN
        for token in work.clause.tokens[group.last : index]
    )


def _behind_exception(work: Work, index: int) -> bool:
    """`on all tasks except A, where B is worse`: the second relation is about A."""
    words = [token.word for token in work.clause.tokens[:index] if token.word is not None]
    excepted = next((at for at, word in enumerate(words) if word.value == "except"), len(words))
    return any(word.kind == "such" for word in words[excepted:])


def _own_tasks(work: Work, index: int) -> bool:
    """`beats q8 on A and loses everywhere else`: the first of the two relations has tasks of its own."""
    rest = next(i for i, t in enumerate(work.clause.tokens) if t.word is not None and t.word.value == "else")
    if any(index < group.first < rest for group in work.groups):
        return True
    comma = index < rest and "," in work.clause.between(work.clause.tokens[index], work.clause.tokens[rest])
    return comma and any(group.last < index for group in work.groups)


def _about(work: Work, index: int, metric: str, relation: Relation) -> bool:
    """A metric counts for the relation where its word stands near, or the relation itself names it."""
    if relation.axis in ("size", "speed"):
        return True
    if not work.groups and not work.quantifier():
        return True
    near = [i for i, token in enumerate(work.clause.tokens) if token.kind("metric") and abs(i - index) <= 3]
    spans = [(work.clause.tokens[min(i, index)], work.clause.tokens[max(i, index)]) for i in near]
    return any(bool(work.groups) or "," not in work.clause.between(*span) for span in spans)


def _held(mine: Model, theirs: Sequence[Model], tasks: Sequence[str]) -> tuple[str, ...]:
    """Of these tasks those that all have: `all tasks` means all that were measured."""
    return tuple(task for task in tasks if all(task in model.scores for model in (mine, *theirs)))
