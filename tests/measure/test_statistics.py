"""What may be concluded from numbers: standard errors, scores that say nothing, differences beyond noise."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.measure.statistics import (
    chance_rate,
    holm,
    majority_rate,
    paired_difference,
    proportion_stderr,
    says_nothing,
    unpaired_difference,
)
from bot.records import TaskScore

outcomes = st.lists(st.booleans(), min_size=2, max_size=300)
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def score(value: float, n: int = 1000, **more: object) -> TaskScore:
    fields = {"task": "boolq", "metric": "acc", "value": value, "n": n, "stderr": proportion_stderr(value, n)}
    return TaskScore(**(fields | more))  # type: ignore[arg-type]  # fields of several types


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
    """p is the share of all fair coin sequences at least as uneven, whose counts Pascal's triangle gives."""
    first, second = zip(*answers, strict=True)
    lost = sum(a and not b for a, b in answers)
    gained = sum(b and not a for a, b in answers)
    row = [1]
    for _ in range(lost + gained):
        row = [left + right for left, right in zip([0, *row], [*row, 0], strict=True)]
    uneven = abs(lost - gained)
    expected = sum(ways for heads, ways in enumerate(row) if abs(2 * heads - lost - gained) >= uneven) / sum(
        row
    )
    difference = paired_difference(first, second)
    assert difference.p == pytest.approx(expected, abs=1e-9)
    assert difference.value == pytest.approx((sum(second) - sum(first)) / len(answers))


@given(pairs)
def test_a_difference_turned_round_is_as_probable(answers: list[tuple[bool, bool]]) -> None:
    """Swapping the sides changes the sign and nothing else; a side against itself is no difference."""
    first, second = zip(*answers, strict=True)
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert (there.p, there.value) == (back.p, -back.value)
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
