"""What may be concluded from measured numbers. Pure functions, no heavy imports.

A difference is called a gain or a loss only when a test says so: exact McNemar where the outcomes
of every question are known on both sides, an unpaired z-test from published scores otherwise, and
Holm's correction over the tasks. Intervals are two-sided at 95 % and belong to one task alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from bot.records import NonInferiority, Record, TaskScore

SIGNIFICANCE = 0.05
ONE_ANSWER = 0.98
"""A task answered with one position in at least this share of its questions says nothing."""

ONE_SIDED_95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""

TWO_SIDED_95 = 1.959963984540054
"""Its 97.5th percentile: half the width of a two-sided 95 % interval, in standard errors."""

MARGIN = 0.01
"""How much mean accuracy a quant may lose and still count as no worse, unless a publisher says otherwise."""


ACCURACIES = ("acc", "acc_norm", "exact_match")
LOWER_IS_BETTER = ("word_perplexity", "byte_perplexity", "bits_per_byte", "perplexity", "brier_score", "ter")
"""Of lm-eval's metrics: shares of right answers, and those of which less is better."""


class Difference(Record, frozen=True, kw_only=True):
    """`value` = second minus first, in the metric's unit, and its 95 % interval `low` to `high`.

    `p` is two-sided, before any correction; `n` the questions that both answered (paired), or the fewer.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    test: Literal["mcnemar", "unpaired"]

    @property
    def paired(self) -> bool:
        return self.test == "mcnemar"

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


def is_accuracy(score: TaskScore) -> bool:
    """True where the score is a share of right answers, whatever filter of the task gave the answers."""
    return score.metric.split(",")[0] in ACCURACIES


def lower_is_better(score: TaskScore) -> bool:
    return score.metric.split(",")[0] in LOWER_IS_BETTER


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Difference:
    """Exact McNemar test on the same questions: only those count that one side got right and not the other.

    Two-sided p = min(1, 2 P(X <= min(b, c))), X ~ Binomial(b + c, 1/2); McNemar, Psychometrika 12 (1947)
    153, in the exact form of Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 13.1.
    The interval is Tango's (`paired_interval`). Raises ValueError when the two differ in length or are empty.
    """
    pairs = list(zip(first, second, strict=True))
    if not pairs:
        raise ValueError("no questions to compare")
    lost = sum(a and not b for a, b in pairs)
    gained = sum(b and not a for a, b in pairs)
    discordant = lost + gained
    tail = sum(math.comb(discordant, k) for k in range(min(lost, gained) + 1))
    low, high = paired_interval(gained, lost, len(pairs))
    return Difference(
        value=(gained - lost) / len(pairs),
        low=low,
        high=high,
        p=min(1.0, 2 * tail / 2**discordant),
        n=len(pairs),
        test="mcnemar",
    )


def paired_interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    """The 95 % score interval for the difference (gained - lost) / n of two paired proportions.

    Tango, Statistics in Medicine 17 (1998) 891: all differences that the score test of matched pairs does
    not reject. It holds its level also with few questions or none on which the two differ.
    """
    return _lower_score_limit(gained, lost, n), -_lower_score_limit(lost, gained, n)


def _lower_score_limit(gained: int, lost: int, n: int) -> float:
    """Where the score statistic is 1.96; it falls as the difference grows, from -1 to the one observed."""
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    def excess(delta: float) -> float:
        """How far the observed count lies above `delta`, in questions, less 1.96 standard errors."""
        b = -gained - lost + (2 * n - gained + lost) * delta
        c = -lost * delta * (1 - delta)
        losing = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)  # most likely share of `lost`
        variance = n * (2 * losing + delta * (1 - delta))
        return gained - lost - n * delta - TWO_SIDED_95 * math.sqrt(max(0.0, variance))

    nearly = (gained - lost) / n - 1e-12  # at the difference itself the variance may vanish
    if excess(-1.0) <= 0 or nearly <= -1:
        return -1.0
    return float(brentq(excess, -1.0, nearly, xtol=1e-12))


def unpaired_difference(first: TaskScore, second: TaskScore) -> Difference:
    """Two published scores: z = difference / sqrt(stderr² + stderr²), two-sided normal p.

    Too cautious when both answered the same questions, which is why the paired test comes first
    (Miller, Adding Error Bars to Evals, arXiv:2411.00640, section 4). The interval of accuracies is
    Newcombe's hybrid of two Wilson intervals, Statistics in Medicine 17 (1998) 873, method 10; that of other
    metrics is the difference ± 1.96 standard errors. Without a standard error, it decides alone (p 0 or 1).
    """
    value = second.value - first.value
    stderr = math.hypot(_stderr(first), _stderr(second))
    (low_1, high_1), (low_2, high_2) = _interval(first), _interval(second)
    low = value - math.hypot(second.value - low_2, high_1 - first.value)
    high = value + math.hypot(high_2 - second.value, first.value - low_1)
    return Difference(
        value=value,
        low=low,
        high=high,
        p=math.erfc(abs(value) / stderr / math.sqrt(2)) if stderr else float(low <= 0 <= high),
        n=min(first.n, second.n),
        test="unpaired",
    )


def _stderr(score: TaskScore) -> float:
    """As published, else from the share and n."""
    return score.stderr or (proportion_stderr(score.value, score.n) if is_accuracy(score) else 0.0)


def _interval(score: TaskScore) -> tuple[float, float]:
    if is_accuracy(score):
        return wilson(score.value, score.n)
    return score.value - TWO_SIDED_95 * score.stderr, score.value + TWO_SIDED_95 * score.stderr


def wilson(value: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share of `n` outcomes; Wilson, J. Am. Stat. Assoc. 22 (1927) 209."""
    z = TWO_SIDED_95
    center = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, center - half), min(1.0, center + half)


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


def non_inferiority(differences: Sequence[Difference], margin: float = MARGIN) -> NonInferiority:
    """Test the mean of the tasks' differences against `-margin`: non-inferior when `low` lies above it,
    inferior when even `high` lies below it, not shown otherwise.

    Give it the tasks that say something. Each task weighs the same, as in the averages that people take of
    a card's table: pooled by question, HellaSwag would be half of the seven tasks, and seven points lost on
    OpenBookQA would be two thousandths. Questions are paired within each task.

    Bounds: from the tasks' own score intervals by the method of variance estimates recovery (Zou & Donner,
    Statistics in Medicine 27 (2008) 1693): low = mean - sqrt(sum (w (d - l))²). They are honest with few
    questions too. One-sided level 2.5 %, as ICH E9, section 5.5, asks of non-inferiority; verdicts as in
    Piaggio et al., JAMA 308 (2012) 2594. Power at no true difference, of the normal test whose standard error
    is (value - low) / z: Phi(margin / stderr - z); Lu & Bean, Statistics in Medicine 14 (1995) 1831.
    Raises ValueError without a difference or for a margin that is not positive.
    """
    if not differences or margin <= 0:
        raise ValueError("non-inferiority needs at least one task and a positive margin")
    weight = 1 / len(differences)
    value = math.fsum(d.value for d in differences) * weight
    down = math.hypot(*(weight * (d.value - d.low) for d in differences))
    up = math.hypot(*(weight * (d.high - d.value) for d in differences))
    low, high = value - down, value + up
    return NonInferiority(
        verdict="non-inferior" if low > -margin else "inferior" if high < -margin else "not shown",
        value=value,
        low=low,
        high=high,
        margin=margin,
        power=math.erfc(TWO_SIDED_95 * (1 - margin / down) / math.sqrt(2)) / 2 if down else 1.0,
        tasks=len(differences),
        questions=sum(d.n for d in differences),
        paired=all(d.paired for d in differences),
    )
