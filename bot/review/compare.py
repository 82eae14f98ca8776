"""This quant against another model, task by task: what is beyond noise, what is not.

Only published scores are compared here (value, standard error), so the test is the
unpaired one; it is too cautious where both answered the same questions.
"""

from __future__ import annotations

import math

from bot.measure.statistics import SIGNIFICANCE, holm, says_nothing, unpaired_difference
from bot.records import Measurement, Perplexity, Record


class TaskDifference(Record, frozen=True, kw_only=True):
    """`value` is this quant's score minus the other's; `p` is adjusted over the compared tasks (Holm)."""

    task: str
    value: float
    p: float

    @property
    def beyond_noise(self) -> bool:
        return self.p < SIGNIFICANCE


class Comparison(Record, frozen=True, kw_only=True):
    """This quant against `name`. `tasks` are those that say something about at least one of the two.

    `perplexity` is this quant's perplexity over the other's, minus 1; `perplexity_p` its
    two-sided p. Both are None unless both were measured on the same text.
    """

    name: str
    size_bytes: int
    tasks: tuple[TaskDifference, ...]
    perplexity: float | None = None
    perplexity_p: float | None = None

    @property
    def gains(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if d.beyond_noise and d.value > 0)

    @property
    def losses(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if d.beyond_noise and d.value < 0)

    @property
    def within_noise(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if not d.beyond_noise)

    @property
    def perplexity_beyond_noise(self) -> bool:
        return self.perplexity_p is not None and self.perplexity_p < SIGNIFICANCE

    @property
    def differs(self) -> bool:
        """Whether anything at all is beyond noise."""
        return bool(self.gains or self.losses) or self.perplexity_beyond_noise


def compare(mine: Measurement, name: str, other: Measurement) -> Comparison:
    """Compare on every task that both have with the same metric, unless it says nothing about both."""
    theirs = {(score.task, score.metric): score for score in other.tasks}
    pairs = [(s, theirs[s.task, s.metric]) for s in mine.tasks if (s.task, s.metric) in theirs]
    pairs = [(a, b) for a, b in pairs if says_nothing(a) is None or says_nothing(b) is None]
    found = [unpaired_difference(b, a) for a, b in pairs]
    ratio, p = _perplexity(mine.perplexity, other.perplexity)
    return Comparison(
        name=name,
        size_bytes=other.size_bytes,
        tasks=tuple(
            TaskDifference(task=a.task, value=difference.value, p=adjusted)
            for (a, _), difference, adjusted in zip(pairs, found, holm([d.p for d in found]), strict=True)
        ),
        perplexity=ratio,
        perplexity_p=p,
    )


def _perplexity(mine: Perplexity | None, other: Perplexity | None) -> tuple[float | None, float | None]:
    """The relative difference and its p, by a z-test on the two standard errors as published."""
    if mine is None or other is None:
        return None, None
    if (mine.dataset, mine.samples, mine.sequence_length) != (
        other.dataset, other.samples, other.sequence_length,
    ):  # fmt: skip
        return None, None
    difference, stderr = mine.value - other.value, math.hypot(mine.stderr, other.stderr)
    p = math.erfc(abs(difference) / stderr / math.sqrt(2)) if stderr else float(difference == 0)
    return mine.value / other.value - 1, p


def silent_tasks(mine: Measurement, base: Measurement | None) -> dict[str, str]:
    """Tasks that say nothing here, with the reason.

    A task on which the base does say something is not among them: there, a quant
    that answers by rote has lost something, and the card must show it.
    """
    heard = {score.task for score in base.tasks if says_nothing(score) is None} if base else set()
    reasons = {score.task: says_nothing(score) for score in mine.tasks if score.task not in heard}
    return {task: reason for task, reason in reasons.items() if reason is not None}
