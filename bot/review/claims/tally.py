"""Over all tasks: on how many of them a relation holds, on most of them, in the mean."""

from __future__ import annotations

from collections.abc import Sequence

from bot.card.board import Model
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import holds
from bot.review.claims.metrics import MEAN, Gap, Scale, title
from bot.review.claims.words import Relation

WHAT = {1: "is ahead of", 0: "is level with", -1: "is behind"}


def overall(scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> Reading:
    """Without a task: in the mean, or on more tasks than not."""
    parts = []
    for other in theirs:
        tasks = scale.shared(mine, other)
        if not tasks:
            return Reading(holds=None, why=f"{mine.label} and {other.label} have no task in common")
        mean = scale.gap(mine, other, MEAN)
        each = [holds(relation, scale.gap(mine, other, task)) for task in tasks]
        won = sum(1 for one in each if one)
        told = f"{mean.told(mine, other)}; it holds on {won} of {len(tasks)} tasks"
        parts.append(Reading(holds=bool(holds(relation, mean)) or 2 * won > len(tasks), why=told))
    return together(parts) or Reading(holds=None, why="nothing to compare")


def nowhere(scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> Reading:
    """On none of the shared tasks."""
    parts = []
    for other in theirs:
        tasks = scale.shared(mine, other)
        where = [task for task in tasks if holds(relation, scale.gap(mine, other, task))]
        told = f"against {other.label} it holds on {', '.join(title(task) for task in where) or 'no task'}"
        parts.append(Reading(holds=not where if tasks else None, why=told))
    return together(parts) or Reading(holds=None, why="nothing to compare")


def most(scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> Reading:
    """On more than half of the shared tasks."""
    parts = []
    for other in theirs:
        tasks = scale.shared(mine, other)
        if not tasks:
            return Reading(holds=None, why=f"{mine.label} and {other.label} have no task in common")
        won = sum(1 for task in tasks if holds(relation, scale.gap(mine, other, task)))
        parts.append(
            Reading(
                holds=2 * won > len(tasks),
                why=f"against {other.label} it holds on {won} of {len(tasks)} tasks",
            )
        )
    return together(parts) or Reading(holds=None, why="nothing to compare")


class Count:
    """On how many of the shared tasks a relation holds against all of some rivals at once."""

    def __init__(self, scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> None:
        self.tasks = tuple(
            task for task in scale.tasks if all(task in model.scores for model in (mine, *theirs))
        )
        self.where = tuple(
            task for task in self.tasks if all(_printed(relation, mine, other, task) for other in theirs)
        )
        raw = [
            task for task in self.tasks
            if all(holds(relation, scale.gap(mine, other, task)) for other in theirs)
        ]  # fmt: skip
        self.numbers = {len(self.where), len(raw)}
        spoken = [task for task in self.where if task not in scale.board.silent]
        self.numbers |= {len(spoken)} if scale.board.silent else set()
        ties = [
            t
            for t in self.tasks
            if any(_printed(Relation(sign=0, strength="same"), mine, o, t) for o in theirs)
        ]
        self.totals = {
            len(self.tasks),
            len([t for t in self.tasks if t not in scale.board.silent]),
            len(self.tasks) - len(ties),
        }

    def told(self, mine: Model, theirs: Sequence[Model], what: str) -> str:
        names = ", ".join(title(task) for task in self.where) or "none"
        against = " and ".join(other.label for other in theirs)
        return f"{mine.label} {what} {against} on {len(self.where)} of {len(self.tasks)} tasks ({names})"


def counted(scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> Count:
    """The same count, made once for each question: a text asks it again and again."""
    key = (mine.name, tuple(other.name for other in theirs), relation)
    known = scale.counts.get(key)
    if not isinstance(known, Count):
        known = scale.counts[key] = Count(scale, mine, theirs, relation)
    return known


def _printed(relation: Relation, mine: Model, theirs: Model, task: str) -> bool:
    """By the three digits that tables print: what is equal there is a tie."""
    gap = Gap(metric=task, mine=round(mine.scores[task].value, 3), theirs=round(theirs.scores[task].value, 3))
    if relation.strength == "same":
        return abs(gap.delta or 0.0) < 0.0005
    kept = relation.strength if relation.strength in ("close", "least") else ""
    return bool(holds(Relation(sign=relation.sign, strength=kept), gap))
