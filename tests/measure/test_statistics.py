"""What may be concluded from numbers: standard errors, scores that say nothing, differences beyond noise."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

from bot.measure.statistics import (
    MARGIN,
    TWO_SIDED_95,
    Difference,
    chance_rate,
    holm,
    majority_rate,
    non_inferiority,
    paired_difference,
    paired_interval,
    proportion_stderr,
    says_nothing,
    unpaired_difference,
    wilson,
)
from bot.records import TaskScore

outcomes = st.lists(st.booleans(), min_size=2, max_size=300)
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300)
tables = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 400)).map(
    lambda parts: (parts[0], parts[1], max(1, sum(parts)))
)
"""Questions gained, lost, and all."""
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def score(value: float, n: int = 1000, **more: object) -> TaskScore:
    fields = {"task": "boolq", "metric": "acc", "value": value, "n": n, "stderr": proportion_stderr(value, n)}
    return TaskScore(**(fields | more))  # type: ignore[arg-type]  # fields of several types


def counts(answers: list[tuple[bool, bool]]) -> tuple[int, int]:
    return sum(b and not a for a, b in answers), sum(a and not b for a, b in answers)


def difference(gained: int, lost: int, n: int) -> Difference:
    """Paired outcomes with just these counts."""
    same = n - gained - lost
    return paired_difference(
        [False] * gained + [True] * lost + [True] * same, [True] * gained + [False] * lost + [True] * same
    )


@given(outcomes)
def test_stderr_of_a_proportion_is_the_sample_standard_deviation_over_root_n(answers: list[bool]) -> None:
    """The closed form equals what lm-eval computes from the single outcomes."""
    values = [float(answer) for answer in answers]
    expected = statistics.stdev(values) / math.sqrt(len(values))
    assert proportion_stderr(statistics.fmean(values), len(values)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(2, 5), min_size=1))
def test_chance_lies_between_the_widest_and_the_narrowest_question(choices: list[int]) -> None:
    """Guessing scores between 1/most and 1/fewest choices, and exactly 1/k when all have k."""
    slack = 1e-12
    assert 1 / max(choices) - slack <= chance_rate(choices) <= 1 / min(choices) + slack
    assert chance_rate([choices[0]] * 7) == pytest.approx(1 / choices[0])


@given(st.lists(st.integers(0, 500), min_size=2, max_size=5).filter(any))
def test_majority_is_the_share_of_the_most_frequent_right_answer(correct: list[int]) -> None:
    """No constant answer scores more, and none of k positions' best scores less than 1/k."""
    assert majority_rate(correct) * sum(correct) == pytest.approx(max(correct))
    assert majority_rate(correct) >= 1 / len(correct) - 1e-12


BOOLQ = {"chance": 0.5, "majority": 0.6217, "correct": (1237, 2033)}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (score(0.378, 3270, answers=(3270, 0), **BOOLQ), "choice 1 is given in 100.0%"),
        (score(0.622, 3270, answers=(20, 3250), **BOOLQ), "choice 2 is given in 99.4%"),
        (score(0.630, 3270, answers=(300, 2970), **BOOLQ), "not above 0.622"),
        (score(0.660, 3270, answers=(900, 2370), **BOOLQ), None),
        (score(0.260, 1172, chance=0.25, majority=0.26), "not above 0.260"),
        (score(0.300, 1172, chance=0.25, majority=0.26), None),
        (score(0.300, 20, chance=0.25, majority=0.26), "not above 0.260"),
        (score(0.300, 1172), None),
    ],
)
def test_a_score_says_nothing_when_answers_are_constant_or_not_above_a_constant_answer(
    measured: TaskScore, expected: str | None
) -> None:
    """LIMI's BoolQ (always no) and Qwen3-8B's (always yes) say nothing; a score clear of both floors does."""
    reason = says_nothing(measured)
    assert reason is None if expected is None else expected in (reason or "")


@given(pairs)
def test_mcnemar_is_the_exact_binomial_test_on_the_discordant_questions(
    answers: list[tuple[bool, bool]],
) -> None:
    """p is scipy's exact binomial test at one half, of the questions that only one side got right."""
    first, second = zip(*answers, strict=True)
    gained, lost = counts(answers)
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    difference = paired_difference(first, second)
    assert difference.p == pytest.approx(expected, abs=1e-9)
    assert difference.value == pytest.approx((sum(second) - sum(first)) / len(answers))
    assert (difference.low, difference.high) == paired_interval(gained, lost, len(answers))


@given(pairs)
def test_a_difference_turned_round_is_as_probable(answers: list[tuple[bool, bool]]) -> None:
    """Swapping the sides changes the signs and nothing else; a side against itself is no difference."""
    first, second = zip(*answers, strict=True)
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert (there.p, there.value, there.low, there.high) == (back.p, -back.value, -back.high, -back.low)
    assert not paired_difference(first, first).beyond_noise


def test_the_paired_test_sees_what_the_unpaired_one_cannot() -> None:
    """Twenty questions gained and none lost of a thousand is a gain, though both error bars overlap."""
    before = [True] * 700 + [False] * 300
    after = [True] * 720 + [False] * 280
    assert paired_difference(before, after).beyond_noise
    assert not unpaired_difference(score(0.70), score(0.72)).beyond_noise


def test_outcomes_of_different_questions_are_refused() -> None:
    """A paired test needs pairs."""
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_difference([True], [True, False])
    with pytest.raises(ValueError, match="no questions"):
        paired_difference([], [])


def score_statistic(gained: int, lost: int, n: int, delta: float) -> float:
    """(observed - delta) over its standard error where the likelihood, given delta, is greatest."""

    def unlikeliness(losing: float) -> float:
        shares = (losing + delta, losing, 1 - delta - 2 * losing)
        return -sum(
            k * math.log(max(p, 1e-300))
            for k, p in zip((gained, lost, n - gained - lost), shares, strict=True)
        )

    bounds = (max(0.0, -delta), (1 - delta) / 2)
    losing = minimize_scalar(unlikeliness, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
    return float((gained - lost - n * delta) / math.sqrt(n * (2 * losing + delta * (1 - delta))))


@given(tables)
def test_the_paired_interval_ends_where_the_score_test_rejects(table: tuple[int, int, int]) -> None:
    """At either end the statistic of the most likely model with that difference is 1.96 (Tango 1998)."""
    gained, lost, n = table
    low, high = paired_interval(gained, lost, n)
    assert -1 <= low < (gained - lost) / n < high <= 1 or abs(gained - lost) == n
    if low > -1:
        assert score_statistic(gained, lost, n, low) == pytest.approx(TWO_SIDED_95, abs=1e-3)
    if high < 1:
        assert score_statistic(gained, lost, n, high) == pytest.approx(-TWO_SIDED_95, abs=1e-3)


@pytest.mark.parametrize("n", [10, 40])
@pytest.mark.parametrize(("gaining", "losing"), [(0.05, 0.05), (0.02, 0.1), (0.3, 0.2), (0.0, 0.04)])
def test_the_paired_interval_covers_the_truth_as_often_as_it_says(
    n: int, gaining: float, losing: float
) -> None:
    """Summed over all possible tables, near 95 % also for ten questions with next to no difference."""
    covered = 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            low, high = paired_interval(gained, lost, n)
            if low <= gaining - losing <= high:
                rest = n - gained - lost
                shares = (gaining, losing, 1 - gaining - losing)
                covered += stats.multinomial.pmf((gained, lost, rest), n, shares)
    assert 0.935 <= covered <= 1.0000001


@given(st.integers(0, 300), st.integers(1, 300))
def test_wilson_is_scipys(right: int, more: int) -> None:
    """The score interval of one share equals scipy's."""
    n = right + more
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_unpaired_interval_on_newcombes_examples() -> None:
    """56/70 - 48/80 and 10/10 - 0/10, as Newcombe 1998 (Statistics in Medicine 17, 873) tabulates them."""
    wide = unpaired_difference(score(48 / 80, 80), score(56 / 70, 70))
    assert (wide.low, wide.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    extreme = unpaired_difference(score(0.0, 10), score(1.0, 10))
    assert (extreme.low, extreme.high) == pytest.approx((0.6075, 1.0), abs=5e-5)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(50, 10000))
def test_the_unpaired_test_is_the_normal_one(first: float, second: float, n: int) -> None:
    """p equals the two-sided tail of the normal distribution at the difference over its standard error."""
    difference = unpaired_difference(score(first, n), score(second, n))
    stderr = math.sqrt(proportion_stderr(first, n) ** 2 + proportion_stderr(second, n) ** 2)
    beyond = statistics.NormalDist().cdf(-abs(second - first) / stderr)
    assert difference.p == pytest.approx(2 * beyond, abs=1e-9)


@given(probabilities)
def test_holm_never_lowers_a_p_value_and_keeps_their_order(ps: list[float]) -> None:
    """Adjusted values are at least the raw and at most m times them, and ranked as the raw ones are."""
    adjusted = holm(ps)
    assert all(p <= a <= 1 for p, a in zip(ps, adjusted, strict=True))
    assert min(adjusted) == pytest.approx(min(1.0, len(ps) * min(ps)))
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    assert [adjusted[index] for index in order] == sorted(adjusted)


def test_holm_on_a_worked_example() -> None:
    """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


# ------------------------------------------------------------------ non-inferiority


def test_verdicts_of_non_inferiority() -> None:
    """Much data and no loss shows it; much data and a large loss shows the contrary; little data neither."""
    assert non_inferiority([difference(100, 100, 10000)]).verdict == "non-inferior"
    assert non_inferiority([difference(100, 900, 10000)]).verdict == "inferior"
    assert non_inferiority([difference(0, 0, 6)]).verdict == "not shown"
    small = non_inferiority([difference(60, 120, 10000)])  # a loss beyond noise, and of less than the margin
    assert (small.verdict, small.high < 0) == ("non-inferior", True)


@given(st.lists(tables, min_size=1, max_size=7), st.floats(0.001, 0.2))
def test_non_inferiority_is_the_mean_difference_with_its_bounds(
    found: list[tuple[int, int, int]], margin: float
) -> None:
    """Tasks weigh the same; the verdict follows from the bounds; of one task the bounds are its interval."""
    differences = [difference(*table) for table in found]
    result = non_inferiority(differences, margin)
    assert result.value == pytest.approx(statistics.fmean(d.value for d in differences))
    assert result.low <= result.value <= result.high
    assert (result.verdict == "non-inferior") == (result.low > -margin)
    assert (result.verdict == "inferior") == (result.high < -margin)
    assert (result.tasks, result.questions) == (len(found), sum(n for *_, n in found))
    alone = non_inferiority(differences[:1], margin)
    assert (alone.low, alone.high) == pytest.approx((differences[0].low, differences[0].high))


def simulated(shares: list[tuple[float, float]], margin: float, runs: int = 600) -> tuple[float, float]:
    """How often non-inferiority is shown of models drawn with these shares gained and lost; mean power."""
    rng = np.random.default_rng(7)
    sizes = (1172, 500, 1838)
    results = []
    for _ in range(runs):
        drawn = []
        for n, (gaining, losing) in zip(sizes, shares, strict=True):
            gained, lost, _ = map(int, rng.multinomial(n, (gaining, losing, 1 - gaining - losing)))
            drawn.append(difference(gained, lost, n))
        results.append(non_inferiority(drawn, margin))
    shown = statistics.fmean(result.verdict == "non-inferior" for result in results)
    return shown, statistics.fmean(result.power for result in results)


def test_non_inferiority_is_rarely_shown_of_what_loses_the_margin() -> None:
    """At a true mean loss of just the margin it is shown in 2.5 % of the cases, within what 600 runs tell."""
    shown, _ = simulated([(0.04, 0.06), (0.03, 0.03), (0.02, 0.03)], MARGIN)
    assert shown <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 600)


@pytest.mark.parametrize("margin", [0.01, 0.02])
def test_the_power_said_is_the_power_had(margin: float) -> None:
    """Without a true difference it is shown about as often as the power says."""
    shown, said = simulated([(0.04, 0.04), (0.05, 0.05), (0.03, 0.03)], margin)
    assert shown == pytest.approx(said, abs=0.06)


def test_non_inferiority_of_unpaired_scores_says_so() -> None:
    """Published scores alone give wider bounds and are marked."""
    paired = non_inferiority([difference(20, 20, 1000)])
    unpaired = non_inferiority([unpaired_difference(score(0.98), score(0.98))])
    assert (paired.paired, unpaired.paired) == (True, False)
    assert unpaired.power < 1
    with pytest.raises(ValueError, match="at least one task"):
        non_inferiority([])
