"""Which scores can be compared, and by which test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.measure.results import Outcomes
from bot.measure.statistics import paired_difference
from bot.records import Measurement
from bot.review.compare import compare
from bot.review.pairing import difference
from bot.review.review import review
from tests.card.examples import BASE, BASE_MEASUREMENT, QX86_HI, card_facts, repo
from tests.review.kept import answered, drawn, family, score_of, turned

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)
RIGHT = drawn(200, 0.7, 3)


def known(measurement: Measurement, *right: list[bool]) -> Outcomes:
    return {score.outcomes or "": answered(r) for score, r in zip(measurement.tasks, right, strict=True)}


@settings(deadline=None)
@given(answers)
def test_outcomes_of_both_sides_are_paired_by_question(found: list[tuple[bool, bool]]) -> None:
    """In whatever order the files hold the questions, the test is McNemar's on the same ones."""
    mine, theirs = answered([a for a, _ in found]), answered([b for _, b in found])
    a, b = score_of("boolq", mine, outcomes="mine"), score_of("boolq", theirs, outcomes="theirs")
    told = difference(a, b, {"mine": mine}, {"theirs": theirs[::-1]})
    assert told == paired_difference([b for _, b in found], [a for a, _ in found])


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (None, answered(RIGHT)),
        (answered(RIGHT), None),
        (answered(RIGHT, first=1), answered(RIGHT)),
        (answered(RIGHT[:-1]), answered(RIGHT)),
        (answered([not r for r in RIGHT]), answered(RIGHT)),
    ],
    ids=["none here", "none there", "other questions", "fewer questions", "of another score"],
)
def test_without_both_outcomes_of_the_same_questions_the_test_is_unpaired(
    mine: object, theirs: object
) -> None:
    """What is missing, of other questions, or does not give the published score is not paired."""
    a = score_of("boolq", answered(RIGHT), outcomes="x")
    told = difference(a, a, {"x": mine} if mine else {}, {"x": theirs} if theirs else {})  # type: ignore[dict-item]
    assert (told.test, told.value) == ("unpaired", 0)


@pytest.mark.parametrize(
    ("task", "more", "why"),
    [
        ({"metric": "acc_norm"}, {}, "acc_norm against acc"),
        ({"version": "2.0"}, {}, "task version 2.0 against 1.0"),
        ({"task_hash": "b"}, {}, "the task is defined otherwise"),
        ({"few_shot": 5}, {}, "5 examples against 0"),
        ({"chat_template": False}, {}, "without a chat template against with the chat template"),
        ({}, {"seed": 1}, "seed 1 against 123"),
        ({"n": 6}, {"limit": 6}, "the first 6 questions against all 200 questions"),
    ],
)
def test_what_was_asked_otherwise_is_not_compared(
    task: dict[str, object], more: dict[str, object], why: str
) -> None:
    """Each way in which two scores of one task can come from other questions is told and no difference."""
    theirs = score_of("boolq", answered(RIGHT), chat_template=True, task_hash="a")
    other = replace(BASE_MEASUREMENT, tasks=(theirs,))
    mine = replace(
        QX86_HI,
        tasks=(replace(theirs, **task),),
        settings=replace(QX86_HI.settings, **more),
    )
    found = compare(mine, "base", other)
    assert (found.tasks, found.not_compared) == ((), {"boolq": why})


def test_scores_with_and_without_the_template_meet_their_like() -> None:
    """Where one side was asked both ways, the scores that were asked alike are compared."""
    plain = score_of("boolq", answered(RIGHT), chat_template=False)
    both = replace(
        BASE_MEASUREMENT,
        tasks=(score_of("boolq", answered(RIGHT[::2]), chat_template=True),),
        tasks_without_template=(plain,),
    )
    (told,) = compare(replace(QX86_HI, tasks=(plain,)), "base", both).tasks
    assert told.theirs == plain


def test_less_is_better_where_the_metric_says_so() -> None:
    """A lower word perplexity beyond noise is a gain."""
    score = score_of("wikitext", answered(RIGHT), metric="word_perplexity")
    high, low = replace(score, value=20.0, stderr=0.1), replace(score, value=10.0, stderr=0.1)
    found = compare(replace(QX86_HI, tasks=(low,)), "base", replace(BASE_MEASUREMENT, tasks=(high,)))
    assert ([d.task for d in found.gains], found.losses) == (["wikitext"], ())
    assert found.non_inferiority() is None


def test_a_review_pairs_what_it_can_and_says_what_it_cannot(tmp_path: Path) -> None:
    """With outcomes a loss is seen that scores alone do not show; the review says which test it was."""
    base, quant = family(tmp_path)
    boolq, piqa = drawn(1000, 0.7, 1), drawn(400, 0.6, 2)
    facts = card_facts(mine=quant, base_measurement=base, others=())
    kept = {
        repo("qx86-hi"): known(quant, turned(boolq, 25, 2), turned(piqa, 3, 4)),
        BASE.repo: known(base, boolq, piqa),
    }
    paired, unpaired = review(facts, kept), review(facts)
    assert "loses BoolQ (-0.023) against its base beyond noise" in paired.verdict
    assert any("paired tests" in sentence for sentence in paired.sentences)
    assert "within noise of its base on all 2 tasks" in unpaired.verdict
    assert any(sentence.startswith("Tests are unpaired") for sentence in unpaired.sentences)
