"""This quant against another model, task by task: what is beyond noise, what is not. Pure.

Where the outcomes of every question are known on both sides the test is the paired one; from
published scores alone it is unpaired, which is too cautious where both answered the same questions.
"""

from __future__ import annotations

import math

import msgspec

from bot.measure.results import Outcomes
from bot.measure.statistics import (
    MARGIN,
    SIGNIFICANCE,
    TWO_SIDED_95,
    Difference,
    holm,
    is_accuracy,
    lower_is_better,
    non_inferiority,
    says_nothing,
)
from bot.records import Measurement, NonInferiority, Perplexity, Record, TaskScore
from bot.review.pairing import difference, pairs

NOT_KNOWN: Outcomes = {}


class TaskDifference(Record, frozen=True, kw_only=True):
    """One task on both models. `difference` is this quant's score minus the other's; `p` its p-value,
    adjusted over the compared tasks (Holm)."""

    task: str
    mine: TaskScore
    theirs: TaskScore
    difference: Difference
    p: float

    @property
    def value(self) -> float:
        return self.difference.value

    @property
    def beyond_noise(self) -> bool:
        return self.p < SIGNIFICANCE

    @property
    def better(self) -> bool:
        """Whether this quant's score is the better one, be it by ever so little."""
        return self.value < 0 if lower_is_better(self.mine) else self.value > 0


class PerplexityDifference(Record, frozen=True, kw_only=True):
    """This quant's perplexity over the other's, minus 1, with its 95 % interval and two-sided p (z-test)."""

    value: float
    low: float
    high: float
    p: float

    @property
    def beyond_noise(self) -> bool:
        return self.p < SIGNIFICANCE


class Comparison(Record, frozen=True, kw_only=True):
    """This quant against `name`. `tasks` are those that say something about at least one of the two.

    `silent` are the others, `not_compared` those asked otherwise on either side, each with the reason.
    `perplexity_difference` is None unless both were measured on the same text.
    """

    name: str
    size_bytes: int
    tasks: tuple[TaskDifference, ...]
    silent: dict[str, str] = msgspec.field(default_factory=dict)
    not_compared: dict[str, str] = msgspec.field(default_factory=dict)
    perplexity_difference: PerplexityDifference | None = None

    @property
    def gains(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if d.beyond_noise and d.better)

    @property
    def losses(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if d.beyond_noise and not d.better)

    @property
    def within_noise(self) -> tuple[TaskDifference, ...]:
        return tuple(d for d in self.tasks if not d.beyond_noise)

    @property
    def paired(self) -> bool:
        """Whether every task's test is the paired one."""
        return all(d.difference.paired for d in self.tasks)

    @property
    def perplexity(self) -> float | None:
        return self.perplexity_difference.value if self.perplexity_difference else None

    @property
    def perplexity_beyond_noise(self) -> bool:
        return self.perplexity_difference is not None and self.perplexity_difference.beyond_noise

    @property
    def differs(self) -> bool:
        """Whether anything at all is beyond noise."""
        return bool(self.gains or self.losses) or self.perplexity_beyond_noise

    def non_inferiority(self, margin: float = MARGIN) -> NonInferiority | None:
        """Whether this quant is shown to be no worse than the other on the mean of the accuracies."""
        accuracies = [d.difference for d in self.tasks if is_accuracy(d.mine)]
        return non_inferiority(accuracies, margin) if accuracies else None


def compare(
    mine: Measurement,
    name: str,
    other: Measurement,
    my_outcomes: Outcomes = NOT_KNOWN,
    their_outcomes: Outcomes = NOT_KNOWN,
) -> Comparison:
    """Compare on every task that both were asked alike, unless it says nothing about both."""
    asked = tuple(pairs(mine, other))
    alike = [(a, b) for a, b, why_not in asked if why_not is None]
    silent = {a.task: reason for a, b in alike if (reason := _silent(a, b)) is not None}
    heard = [(a, b) for a, b in alike if a.task not in silent]
    found = [difference(a, b, my_outcomes, their_outcomes) for a, b in heard]
    return Comparison(
        name=name,
        size_bytes=other.size_bytes,
        tasks=tuple(
            TaskDifference(task=a.task, mine=a, theirs=b, difference=d, p=adjusted)
            for (a, b), d, adjusted in zip(heard, found, holm([d.p for d in found]), strict=True)
        ),
        silent=silent,
        not_compared={a.task: why_not for a, _, why_not in asked if why_not is not None},
        perplexity_difference=_perplexity(mine, other),
    )


def _silent(mine: TaskScore, theirs: TaskScore) -> str | None:
    """Why the task says nothing about either of the two, as it shows on the first."""
    return says_nothing(mine) if says_nothing(theirs) is not None else None


def _perplexity(mine: Measurement, other: Measurement) -> PerplexityDifference | None:
    """By a z-test on the two standard errors: the document-clustered ones where both have them."""
    a, b = mine.perplexity, other.perplexity
    if a is None or b is None or text_read(mine, a) != text_read(other, b):
        return None
    stderr = math.hypot(a.stderr, b.stderr)
    if a.document_stderr is not None and b.document_stderr is not None:
        stderr = math.hypot(a.document_stderr, b.document_stderr)
    gap = a.value - b.value
    return PerplexityDifference(
        value=gap / b.value,
        low=(gap - TWO_SIDED_95 * stderr) / b.value,
        high=(gap + TWO_SIDED_95 * stderr) / b.value,
        p=math.erfc(abs(gap) / stderr / math.sqrt(2)) if stderr else float(gap == 0),
    )


def text_read(measurement: Measurement, found: Perplexity) -> tuple[str, str | None, int, int, int]:
    """What decides which text the perplexity was read from: only the same can be compared."""
    return (
        found.dataset, found.dataset_sha, found.samples, found.sequence_length, measurement.settings.seed,
    )  # fmt: skip


def silent_tasks(mine: Measurement, base: Measurement | None) -> dict[str, str]:
    """Tasks that say nothing here, with the reason.

    A task on which the base does say something is not among them: there, a quant
    that answers by rote has lost something, and the card must show it.
    """
    heard = {score.task for score in base.tasks if says_nothing(score) is None} if base else set()
    reasons = {score.task: says_nothing(score) for score in mine.tasks if score.task not in heard}
    return {task: reason for task, reason in reasons.items() if reason is not None}
