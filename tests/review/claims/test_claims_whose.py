"""Whose a number is, and against whom: what is said of one model is never true because it is another's."""

from __future__ import annotations

import pytest

from bot.card.board import TASKS, board
from bot.card.facts import Facts, ReportedQuant
from bot.review.claims import check

# Ahead of mxfp4 on six tasks, behind on BoolQ.
BOARD = board(
    Facts(
        card="Teal-8B-qx75-hi-mlx",
        base_model="Pond/Teal-8B",
        recipe="qx75-hi",
        quants=(
            ReportedQuant(quant="bf16", perplexity=6.5, tokens_per_second=20.0, size="16G"),
            ReportedQuant(quant="qx75-hi", perplexity=6.54, tokens_per_second=50.0, size="6.6G"),
            ReportedQuant(quant="mxfp4", perplexity=6.92, tokens_per_second=75.0, size="4.2G"),
        ),
        scores={
            "qx75-hi": dict(zip(TASKS, (0.451, 0.622, 0.800, 0.688, 0.392, 0.771, 0.652), strict=True)),
            "mxfp4": dict(zip(TASKS, (0.432, 0.601, 0.811, 0.671, 0.380, 0.760, 0.640), strict=True)),
        },
    )
)


def verdict(text: str) -> str:
    """One verdict for a text: false before true before not checkable."""
    found = {finding.verdict for finding in check(text, BOARD)}
    return next((each for each in ("false", "true", "not_checkable") if each in found), "nothing")


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        ("qx75-hi scores 0.800 on BoolQ.", "qx75-hi scores 0.811 on BoolQ."),
        ("It scores 0.800 on BoolQ.", "It scores 0.811 on BoolQ."),
        ("On BoolQ, qx75-hi gets 0.800.", "On BoolQ, qx75-hi gets 0.811."),
        ("qx75-hi achieves a BoolQ score of 80.0%.", "qx75-hi achieves a BoolQ score of 81.1%."),
        ("mxfp4 leads BoolQ with 0.811.", "mxfp4 leads BoolQ with 0.800."),
        ("qx75-hi weighs 6.6 GB.", "qx75-hi weighs 4.2 GB."),
        ("qx75-hi runs at 50 tokens per second.", "qx75-hi runs at 75 tokens per second."),
        ("qx75-hi weighs 6.6 GB and runs at 50 tok/s.", "qx75-hi weighs 6.6 GB and runs at 75 tok/s."),
        ("bf16 has a perplexity of 6.500.", "bf16 has a perplexity of 6.540."),
        ("Its perplexity is 6.540.", "Its perplexity is 6.920."),
        ("qx75-hi averages 0.625.", "qx75-hi averages 0.614."),
        ("The qx75-hi takes up 6.6 GB.", "The qx75-hi takes up 4.2 GB."),
        ("qx75-hi stores attention at 7 bits.", "qx75-hi stores attention at 5 bits."),
    ],
)
def test_a_number_is_that_of_the_model_it_is_said_of(mine: str, others: str) -> None:
    """The value of the named model is true, that of another one false."""
    assert (verdict(mine), verdict(others)) == ("true", "false")


@pytest.mark.parametrize(
    "text",
    [
        "qx75-hi loses BoolQ, 0.800 against 0.811.",
        "On BoolQ it has 0.800, against 0.811 for mxfp4.",
        "Compared to mxfp4 (4.2 GB), it needs 6.6 GB.",
        "The perplexity is 6.540, against 6.500 for bf16.",
    ],
)
def test_two_numbers_may_be_of_two_models(text: str) -> None:
    """A number behind `against` is the rival's."""
    assert verdict(text) == "true"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("qx75-hi never ties with mxfp4.", "qx75-hi never loses to mxfp4."),
        ("mxfp4 does not beat qx75-hi on PIQA.", "mxfp4 never beats qx75-hi."),
        ("bf16 is never faster than mxfp4.", "qx75-hi does not lose once to mxfp4."),
        ("On no task does it tie with mxfp4.", "On no task does it lose to mxfp4."),
        ("It beats mxfp4 six times without a single tie.", "It beats mxfp4 without a single loss."),
        ("qx75-hi loses a single task to mxfp4.", "It wins against mxfp4 without losing a single task."),
        ("qx75-hi is mostly ahead of mxfp4.", "qx75-hi is always ahead of mxfp4."),
        ("qx75-hi beats mxfp4.", "qx75-hi beats mxfp4 every time."),
    ],
)
def test_never_means_on_no_task(right: str, wrong: str) -> None:
    """One lost task makes `never loses` false, whatever the mean; `always` is as strict."""
    assert (verdict(right), verdict(wrong)) == ("true", "false")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("It loses 1 task and ties on 0 against mxfp4.", "It loses 1 task and ties on 1 against mxfp4."),
        ("qx75-hi wins 6, loses 1 and ties 0 against mxfp4.",
         "qx75-hi wins 5, loses 1 and ties 1 against mxfp4."),
        ("Against mxfp4 there are 6 wins, 1 loss and no ties.",
         "Against mxfp4 there are 6 wins, no losses and one tie."),
        ("It has a single loss against mxfp4.", "It has a single tie with mxfp4."),
        ("It ties on none of the tasks with mxfp4.", "It loses on none of the tasks to mxfp4."),
    ],
)  # fmt: skip
def test_ties_are_counted(right: str, wrong: str) -> None:
    """Also none and a single one."""
    assert (verdict(right), verdict(wrong)) == ("true", "false")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("qx75-hi wins 6, loses 1, ties 0 against mxfp4 (6/1/0).", "Against mxfp4 the balance is (4/2/1)."),
        ("Against mxfp4 it goes 6-1-0.", "Against mxfp4 it goes 4-2-1."),
        ("Its record against mxfp4 is 6-1.", "Its record against mxfp4 is 5-2."),
        ("W/L/T against mxfp4: 6/1/0", "W/L/T against mxfp4: 4/2/1"),
        ("BoolQ belongs to mxfp4.", "PIQA belongs to mxfp4."),
        ("On BoolQ mxfp4 is the winner.", "On BoolQ qx75-hi is the winner."),
    ],
)
def test_records_and_winners(right: str, wrong: str) -> None:
    """Wins, losses and ties in one, and whom a task goes to."""
    assert (verdict(right), verdict(wrong)) == ("true", "false")


def test_a_record_of_4_2_1_is_false_in_all_its_parts() -> None:
    """The counts and the record in brackets alike."""
    found = check("qx75-hi wins 4, loses 2, ties 1 against mxfp4 (4/2/1).", BOARD)
    assert [(each.quote, each.verdict, each.fix) for each in found][-1] == ("4/2/1", "false", "6/1/0")
    assert {each.verdict for each in found} == {"false"}


@pytest.mark.parametrize(
    "text",
    [
        'mxfp4 is called "the winner in reasoning".',
        "It frobnicates mxfp4 by 9.9 points.",
        "The quant barters 0.9 points of BoolQ against mxfp4.",
    ],
)
def test_nothing_is_false_that_is_not_understood(text: str) -> None:
    """A gloss says nothing of scores, and a verb that the grammar does not know may mean anything."""
    assert verdict(text) in ("not_checkable", "nothing")


@pytest.mark.parametrize(
    "text",
    [
        "It dominates every benchmark.",
        "It leads in all tasks.",
        "It is ahead everywhere.",
        "It outperforms on all seven tasks.",
        "It never loses.",
        "It loses nowhere.",
        "mxfp4 never beats it.",
        "Undefeated against mxfp4.",
        "A clean sweep against mxfp4.",
    ],
)
def test_an_unnamed_rival_is_every_other_model(text: str) -> None:
    """One task of one other model is enough to make it false."""
    assert verdict(text) == "false"
