"""Reviews through a real server: what is true stays, what is false goes back and then out."""

from __future__ import annotations

import pytest

from bot.records import from_json, to_json
from bot.review.llm import Reviewed
from tests.review.llm import server
from tests.review.llm.card import AHEAD, GOOD, GOOD_SHOWN, LIE, TRUTH
from tests.review.llm.conftest import Outcome, Written
from tests.review.llm.server import LlmServer, streams


def review_of(outcome: Outcome) -> Reviewed:
    """The review, which is expected to be there."""
    reviewed, log = outcome
    assert reviewed is not None, log
    return reviewed


def test_a_streamed_review_has_its_numbers_from_the_facts(written: Written) -> None:
    """A true review is kept as it is, with every expression worked out, and says what was checked."""
    reviewed = review_of(written(streams(GOOD)))
    assert reviewed.text == GOOD_SHOWN
    assert reviewed.model == "marmot-writer"
    assert (reviewed.checked.statements, reviewed.checked.true, reviewed.checked.not_checkable) == (3, 2, 1)
    assert reviewed.checked.nothing_to_check == 1
    assert reviewed.dropped == ()
    assert from_json(Reviewed, to_json(reviewed)) == reviewed


def test_the_log_tells_what_was_checked(written: Written) -> None:
    """One sentence in the log: by which model, how many statements, how many sentences taken out."""
    _, log = written(streams(GOOD))
    assert log == [
        "Review by marmot-writer: 3 statements checked, 2 true, 1 not checkable; 1 sentence with nothing to "
        "check; 0 sentences taken out."
    ]


def test_a_false_sentence_goes_back_with_the_reason(written: Written, llm: LlmServer) -> None:
    """The model is told what is false and why, and its new sentence stands where the old one stood."""
    reviewed = review_of(written(streams(f"{AHEAD} {LIE} {AHEAD}"), streams(f"1. {TRUTH}")))
    assert TRUTH in reviewed.text
    assert LIE not in reviewed.text
    assert reviewed.text.index(TRUTH) > reviewed.text.index("ahead")
    assert "the difference is -0.010" in llm.prompts[1]
    assert llm.bodies[1]["messages"][1] == {"role": "assistant", "content": f"{AHEAD}\n{LIE}\n{AHEAD}"}


def test_a_model_that_keeps_lying_loses_the_sentence(written: Written, llm: LlmServer) -> None:
    """After `attempts` answers the sentence is taken out; the rest stays, and the log counts it."""
    outcome = written(streams(f"{GOOD}\n\n{LIE}"), streams(f"1. {LIE}"), attempts=2)
    reviewed = review_of(outcome)
    assert reviewed.text == GOOD_SHOWN
    assert [dropped.sentence for dropped in reviewed.dropped] == [LIE]
    assert "the difference is -0.010" in reviewed.dropped[0].why
    assert len(llm.bodies) == 3
    assert "1 sentence taken out" in outcome[1][-1]


def test_no_review_is_longer_than_a_review(written: Written, llm: LlmServer) -> None:
    """Hundreds of sentences, each to be sent back, are no review and are not sent back."""
    reviewed, log = written(streams("It wins 9 tasks. " * 500))
    assert reviewed is None
    assert "500 sentences" in log[0]
    assert len(llm.bodies) == 1


def test_with_no_attempts_nothing_goes_back(written: Written, llm: LlmServer) -> None:
    """`attempts: 0` cuts false sentences at once."""
    assert review_of(written(streams(f"{GOOD}\n\n{LIE}"), attempts=0)).text == GOOD_SHOWN
    assert len(llm.bodies) == 1


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("It scores 0.512 on ARC Challenge.", "'0.512'"),
        ("It wins two of the tasks against mxfp4.", "'two'"),
        ("It has a score of {{ 0.9 }} on BoolQ.", "one call of a function"),
        ('It has a score of {{ score("this", "mmlu") }} there.', "no task 'mmlu'"),
        ('It has a score of {{ score("gpt", "boolq") }} there.', "no model 'gpt'"),
        ('It has a luck of {{ luck("this") }} there.', "no function 'luck'"),
        ('The size is {{ size("this" }} on disk.', "not written as"),
        ("Read more about it at https://example.org today.", "links do not belong"),
        ("qx75-hi dominates every benchmark.", "'dominates' is a claim that cannot be checked"),
        ("Let me know if you want to have another version.", "speaks to the one who asked"),
    ],
)
def test_what_cannot_stand_goes_back_with_its_reason(
    written: Written, llm: LlmServer, sentence: str, reason: str
) -> None:
    """Raw numbers, unknown expressions, links and small talk: each is told to the model and kept out."""
    reviewed = review_of(written(streams(f"{GOOD}\n\n{sentence}"), streams("1. -")))
    assert reviewed.text == GOOD_SHOWN
    assert reason in reviewed.dropped[0].why
    assert sentence.split("{{")[0].strip() in llm.prompts[1]


def test_the_second_answer_may_leave_numbers_out_for_one_sentence(written: Written) -> None:
    """Where only one sentence was refused, an answer without its number is understood."""
    assert TRUTH in review_of(written(streams(f"{GOOD}\n\n{LIE}"), streams(TRUTH))).text


def test_when_the_endpoint_dies_in_between_the_true_part_stays(written: Written) -> None:
    """The first answer counts: what was refused in it is cut, and the log says what happened."""
    outcome = written(streams(f"{GOOD}\n\n{LIE}"), server.error(500, "out of memory"))
    assert review_of(outcome).text == GOOD_SHOWN
    assert "out of memory" in outcome[1][0]


@pytest.mark.parametrize(
    "answer",
    [
        LIE,
        f"{AHEAD}",
        "It is a fine model for all that you do with it. " * 3,
        f"{LIE} {LIE} {LIE} {LIE} {LIE}",
    ],
)
def test_too_little_truth_is_no_review(written: Written, answer: str) -> None:
    """A review of which hardly anything is left, or that states nothing, is not used."""
    reviewed, log = written(streams(answer), attempts=0)
    assert reviewed is None
    assert len(log) == 1
    assert log[0].startswith("No review by marmot-writer, the computed sentences stand alone: ")


def test_another_language_goes_back_and_is_no_review(written: Written, llm: LlmServer) -> None:
    """The checker reads English: a German review is asked for again, and is not used when it stays German."""
    german = (
        "qx75-hi ist auf den schweren Fragen besser als mxfp4 und braucht etwas mehr Platz auf der "
        "Platte. Wer genug davon hat, der ist mit diesem Modell gut beraten und sollte es einfach nehmen."
    )
    for answer in (
        german,
        "Das ist gut so. Manches ist auch schade. Wer will, nimmt es trotzdem. " * 3,
    ):
        reviewed, log = written(streams(answer), attempts=1)
        assert reviewed is None
        assert "it is not English" in log[-1]
        assert "it is not English" in llm.prompts[1]


def test_thoughts_are_no_part_of_a_review(written: Written) -> None:
    """Thoughts of a model are taken out, wherever they stand."""
    reviewed = review_of(written(streams(f"<think>Is 0.9 true? {LIE}</think>\n\n{GOOD}")))
    assert reviewed.text == GOOD_SHOWN
