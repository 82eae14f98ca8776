"""Reviews held against the real claim checker of `bot.review.claims`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.card import facts_file
from bot.card.board import board
from bot.review.claims import check
from bot.review.llm import ReviewSettings, write
from bot.review.llm.expressions import rendered
from bot.review.llm.functions import functions
from bot.review.llm.names import names, raw_number
from tests.review.llm.card import BOARD, FACTS, GOOD, GOOD_SHOWN, LIE, TRUTH
from tests.review.llm.server import LlmServer, streams, whole

SEEDS = Path(__file__).parents[3] / ".." / "shared" / "seeds"

LIES = (
    LIE,
    "mxfp4 crushes qx75-hi on ARC Challenge.",
    'On PIQA, qx75-hi is ahead of mxfp4 by {{ points("this", "mxfp4", "arc_challenge") }}.',
    'qx75-hi scores {{ score("mxfp4", "boolq") }} on BoolQ.',
    'qx75-hi wins {{ compared("this", "mxfp4") }} of {{ compared("this", "mxfp4") }} tasks against mxfp4.',
    "qx75-hi has the lowest perplexity of all.",
)
"""False in words, in direction, by the number of another task, model or count, and in rank."""


@pytest.mark.parametrize(
    "sentence",
    [
        'qx75-hi scores {{ score("this", "boolq") }} on BoolQ.',
        'On ARC Challenge, qx75-hi is ahead of mxfp4 by {{ points("this", "mxfp4", "arc_challenge") }}.',
        'On ARC Challenge, qx75-hi differs from mxfp4 by {{ difference("this", "mxfp4", "arc_challenge") }}.',
        'On BoolQ, qx75-hi is {{ percent("this", "mxfp4", "boolq") }} against mxfp4.',
        'qx75-hi wins {{ wins("this", "mxfp4") }} of {{ compared("this", "mxfp4") }} tasks against mxfp4.',
        'Its best gain over mxfp4 is {{ best("this", "mxfp4") }}.',
        'Its worst loss against mxfp4 is {{ worst("this", "mxfp4") }}.',
        'The average of mxfp4 is {{ average("mxfp4") }}.',
        'On average qx75-hi gains {{ average_difference("this", "mxfp4") }} over mxfp4.',
        'The best model on ARC Challenge is {{ leader("arc_challenge") }}.',
        'The perplexity of qx75-hi is {{ perplexity("this") }}.',
        'The perplexity of mxfp4 differs from that of qx75-hi by {{ perplexity_change("mxfp4", "this") }}.',
        'qx75-hi generates {{ speed("this") }}.',
        'qx75-hi takes {{ size("this") }} on disk.',
        'In size qx75-hi is {{ size_change("this", "bf16") }} against bf16.',
        'qx75-hi keeps the head at {{ head_bits("this") }} bits and the data at {{ data_bits("this") }}.',
        'qx75-hi has a group size of {{ group_size("this") }}.',
    ],
)
def test_what_a_function_prints_is_what_the_checker_reads(sentence: str) -> None:
    """A true sentence with a function's number is understood and confirmed, in the form it is printed in."""
    verdicts = [finding.verdict for finding in check(rendered(sentence, functions(BOARD)).shown, BOARD)]
    assert verdicts
    assert set(verdicts) == {"true"}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_goes_back_and_out(llm: LlmServer, lie: str) -> None:
    """The true part stays word for word; the lie was sent back with the checker's arithmetic, then cut."""
    settings = ReviewSettings(
        endpoint=llm.will(streams(f"{GOOD}\n\n{lie}"), streams(f"1. {lie}")), model="m", attempts=1
    )
    log: list[str] = []
    reviewed = write(FACTS, BOARD, settings, check=check, log=log.append)
    assert reviewed is not None, log
    assert reviewed.text == GOOD_SHOWN
    assert [dropped.sentence for dropped in reviewed.dropped] == [lie]
    assert reviewed.dropped[0].why in llm.prompts[1].replace('\\"', '"')


def test_a_corrected_lie_stays(llm: LlmServer) -> None:
    """What the model says better the second time is in the review."""
    answers = (streams(f"{GOOD}\n\n{LIE}"), streams(f"1. {TRUTH}"))
    settings = ReviewSettings(endpoint=llm.will(*answers), model="m")
    reviewed = write(FACTS, BOARD, settings, check=check, log=lambda _: None)
    assert reviewed is not None
    assert reviewed.text == f"{GOOD_SHOWN}\n\n{TRUTH}"
    assert reviewed.checked.true >= 4


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the five published cards are not here")
@pytest.mark.parametrize("number", range(5))
def test_prose_as_it_is_published_keeps_no_number_and_no_false_claim(llm: LlmServer, number: int) -> None:
    """An answer that is a published card: every typed number is cut, and what is left is not false."""
    facts = facts_file.read(sorted(SEEDS.glob("*-mlx.yaml"))[number])
    known = board(facts)
    text = (SEEDS / (facts.seed_file or "")).read_text(encoding="utf-8")
    settings = ReviewSettings(endpoint=llm.will(whole(text)), model="m", attempts=0)
    log: list[str] = []
    reviewed = write(facts, known, settings, check=check, log=log.append)
    assert len(log) == 1
    if reviewed is not None:
        assert raw_number(reviewed.text, names(facts, known)) is None
        assert not [finding for finding in check(reviewed.text, known) if finding.verdict == "false"]
