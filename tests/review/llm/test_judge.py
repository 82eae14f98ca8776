"""Whatever a model answers, nothing false and no number of its own is in what is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.card.board import Board
from bot.errors import BotError
from bot.review.llm.draft import Draft, Sentence, draft, laid_out
from bot.review.llm.judge import final, judge_for, judged
from bot.review.llm.names import raw_number
from bot.review.llm.plain import parts
from bot.review.llm.write import mended
from tests.review.llm.card import AHEAD, BEHIND, BOARD, FACTS, LIE, TAKE, Found, check

JUDGE = judge_for(FACTS, BOARD, check)
PIECES = (
    AHEAD, BEHIND, LIE, TAKE, "mxfp4 is ahead of qx75-hi on ARC Challenge.", "qx75-hi is ahead ",
    "of mxfp4 on BoolQ.", "\n\n", "\n- ", "\n## ", "| a | b |\n|---|---|\n| ", " ", "**", "```\n", "> ",
    "<think>", "</think>", "1. ", "It wins 7 of them.", "{{ 0.9 }}", "{% if 1 %}", "\u0667", "Half of it.",
    "https://example.org/x", "&#56;", "\u202e",
)  # fmt: skip
pieces = st.sampled_from(PIECES)
EXPRESSIONS = ("0.512", "7.9", "61.5")


@given(st.lists(pieces, min_size=1, max_size=25))
def test_what_is_kept_is_not_false_and_has_no_number_of_its_own(found: list[str]) -> None:
    """Any mixture of truth, lies, markup and numbers: kept are names, numbers from facts, true statements."""
    try:
        _, layout, checked = final(judged(draft(parts("".join(found))), JUDGE), JUDGE)
    except BotError:
        return
    text = layout.text
    assert not [finding for finding in check(text, BOARD) if finding.verdict == "false"]
    assert checked.statements == len(check(text, BOARD))
    for shown in EXPRESSIONS:
        text = text.replace(shown, "")
    assert raw_number(text, JUDGE.names) is None
    assert "\u202e" not in text


def test_what_leaned_on_a_cut_sentence_is_checked_again() -> None:
    """A statement that is true only beside a sentence that had to go, goes as well."""

    def leaning(text: str, known: Board) -> tuple[Found, ...]:
        at = text.find("So is the other")
        alone = () if at < 0 else (Found(quote="So", start=at, end=at + 2, verdict="false", why="it leans"),)
        return check(text, known) + (() if LIE in text else alone)

    judge = judge_for(FACTS, BOARD, leaning)
    found = judged(draft(parts(f"{AHEAD}\n\n{LIE} So is the other one.\n\n{BEHIND}")), judge)
    assert [sentence.written for sentence in found.refused] == [LIE]
    assert final(found, judge)[1].text == laid_out(judged(draft(parts(f"{AHEAD}\n\n{BEHIND}")), JUDGE)).text


@given(st.lists(pieces, min_size=1, max_size=25))
def test_judging_twice_changes_nothing(found: list[str]) -> None:
    """A judged draft that nobody has written anew is judged alike."""
    try:
        once = judged(draft(parts("".join(found))), JUDGE)
    except BotError:
        return
    assert judged(once, JUDGE) == once


@given(st.text(max_size=300), st.integers(0, 5))
def test_an_answer_to_refused_sentences_touches_no_other(answer: str, refused: int) -> None:
    """Whatever comes back, sentences that stand keep their words and their order."""
    fine = [Sentence(block=0, written=f"Fine {letter}.") for letter in "abc"]
    sent_back = [Sentence(block=0, written="Bad.", why="false") for _ in range(refused)]
    before = Draft(kinds=("paragraph",), sentences=(*fine[:2], *sent_back, fine[2]))
    try:
        after = mended(before, before.refused, answer)
    except BotError:
        return
    kept = [sentence for sentence in after.sentences if sentence in fine]
    assert kept == fine


def test_numbered_answers_are_understood_in_many_forms() -> None:
    """`1.`, `2)`, `**3.**`, lists, sentences over two lines; a dash or `none` withdraws a sentence."""
    sent_back = tuple(Sentence(block=0, written=f"Bad {letter}.", why="false") for letter in "abcd")
    before = Draft(kinds=("paragraph",), sentences=sent_back)
    after = mended(before, sent_back, "Here:\n1. New a.\n- **2.** New\nb.\n3) -\n4: (none)\n9. No such.")
    assert [(s.written, s.withdrawn) for s in after.sentences] == [
        ("New a.", False), ("New b.", False), ("Bad c.", True), ("Bad d.", True),
    ]  # fmt: skip


def test_a_heading_goes_with_what_stood_below_it() -> None:
    """A heading whose sentences were all cut is not left alone; one with a sentence below it stays."""
    found = judged(draft(parts(f"## Wins\n\n{AHEAD}\n\n## Losses\n\n{LIE}\n\n## Ends")), JUDGE)
    assert [block.text for block in laid_out(found).blocks][0::2] == ["Wins"]
