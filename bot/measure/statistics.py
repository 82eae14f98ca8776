"""What may be concluded from measured numbers. Pure functions, no heavy imports.

A difference is called a gain or a loss only when a test says so: exact McNemar where the outcomes
of every question are known on both sides, an unpaired z-test from published scores otherwise, and
Holm's correction over the tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from bot.records import Record, TaskScore

SIGNIFICANCE = 0.05
ONE_ANSWER = 0.98
"""A task answered with one position in at least this share of its questions says nothing."""

ONE_SIDED_95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


class Difference(Record, frozen=True, kw_only=True):
    """`value` = second minus first, in the metric's unit. `p` two-sided, before any correction."""

    value: float
    p: float
    n: int
    test: Literal["mcnemar", "unpaired"]

    @property
    def beyond_noise(self) -> bool:
        """True when this single comparison is significant at 5 %; over several tasks use `holm`."""
        return self.p < SIGNIFICANCE


def proportion_stderr(value: float, n: int) -> float:
    """Standard error of a share of `n` outcomes, as lm-eval's mean_stderr: sqrt(p (1 - p) / (n - 1)).

    0 when there is one outcome, for which it is not defined.
    """
    return math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else 0.0


def chance_rate(choices: Sequence[int]) -> float:
    """Expected score of guessing uniformly: the mean of 1 / number of choices over the questions."""
    return math.fsum(1 / number for number in choices) / len(choices)


def majority_rate(correct: Sequence[int]) -> float:
    """Score of always giving the position that is right most often; `correct` counts by position."""
    return max(correct) / sum(correct)


def says_nothing(score: TaskScore) -> str | None:
    """Why this score tells nothing about the model, or None when it does.

    Either nearly every answer is the same position, or the score is not above chance and majority by
    more than a one-sided 5 % z-test allows.
    """
    if score.answers and max(score.answers) >= ONE_ANSWER * sum(score.answers):
        position = max(range(len(score.answers)), key=lambda index: score.answers[index])
        share = max(score.answers) / sum(score.answers)
        return f"choice {position + 1} is given in {share:.1%} of the answers"
    rates = {"guessing": score.chance, "always giving the most frequent answer": score.majority}
    way, floor = max(((way, rate or 0.0) for way, rate in rates.items()), key=lambda pair: pair[1])
    if floor and score.value <= floor + ONE_SIDED_95 * score.stderr:
        return f"{score.value:.3f} is not above {floor:.3f}, what {way} gives, beyond noise"
    return None


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Difference:
    """Exact McNemar test on the same questions: only those count that one side got right and not the other.

    Two-sided p = min(1, 2 P(X <= min(b, c))), X ~ Binomial(b + c, 1/2); McNemar, Psychometrika 12 (1947)
    153, in the exact form of Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 13.1.
    Raises ValueError when the two differ in length or are empty.
    """
    pairs = list(zip(first, second, strict=True))
    if not pairs:
        raise ValueError("no questions to compare")
    lost = sum(a and not b for a, b in pairs)
    gained = sum(b and not a for a, b in pairs)
    discordant = lost + gained
    tail = sum(math.comb(discordant, k) for k in range(min(lost, gained) + 1))
    p = min(1.0, 2 * tail / 2**discordant)
    return Difference(value=(gained - lost) / len(pairs), p=p, n=len(pairs), test="mcnemar")


def unpaired_difference(first: TaskScore, second: TaskScore) -> Difference:
    """Two published scores: z = difference / sqrt(stderr² + stderr²), two-sided normal p.

    Too cautious when both answered the same questions, which is why the paired test comes first
    (Miller, Adding Error Bars to Evals, arXiv:2411.00640, section 4).
    """
    value = second.value - first.value
    stderr = math.hypot(
        first.stderr or proportion_stderr(first.value, first.n),
        second.stderr or proportion_stderr(second.value, second.n),
    )
    p = math.erfc(abs(value) / stderr / math.sqrt(2)) if stderr else float(value == 0)
    return Difference(value=value, p=p, n=min(first.n, second.n), test="unpaired")


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values for several comparisons at once, in the order given.

    Holm, Scandinavian Journal of Statistics 6 (1979) 65: the i-th smallest of m is multiplied by
    m - i + 1, and made no smaller than the one before it.
    """
    adjusted = [0.0] * len(ps)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        floor = max(floor, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = floor
    return tuple(adjusted)
