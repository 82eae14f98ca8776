"""Sentences about a board: what is right by arithmetic is true, what is not is false, the rest stays open."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.card.board import Model
from bot.review.claims import Finding, check, scope, tally
from bot.review.claims.findings import Reading
from bot.review.claims.metrics import Scale
from bot.review.claims.words import Relation
from tests.review.claims.boards import small_board

BOARD = small_board()


def verdict(text: str) -> str:
    """One verdict for a text: false before true before not checkable."""
    found = {finding.verdict for finding in check(text, BOARD)}
    return next((each for each in ("false", "true", "not_checkable") if each in found), "nothing")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ARC-C: 0.431", "ARC-C: 0.481"),
        ("HellaSwag is 1.8 points higher than in q5.", "HellaSwag is 1.8 points lower than in q5."),
        ("HellaSwag is 3.2% higher than in q5.", "HellaSwag is 32% higher than in q5."),
        ("It gains 1.2 to 1.8 points over q5 on Winogrande and HellaSwag.",
         "It gains 1.5 to 1.8 points over q5 on Winogrande and HellaSwag."),
        ("It beats Heron in 4/5 tasks.", "It beats Heron in 5/5 tasks."),
        ("It beats Heron on four of the five tasks.", "It beats Heron on four of the seven tasks."),
        ("It beats Heron on all tasks except BoolQ.", "It beats Heron on all tasks except PIQA."),
        ("Its only loss to Heron is BoolQ.", "Its only loss to Heron is PIQA."),
        ("The average gain over q5 is 0.4 points.", "The average gain over q5 is 4 points."),
        ("qx65-hi has the highest Winogrande score.", "q5 has the highest Winogrande score."),
        ("On ARC Challenge it ranks #2.", "On ARC Challenge it ranks #1."),
        ("The largest gain over q5 is on HellaSwag.", "The largest gain over q5 is on Winogrande."),
        ("BoolQ is identical to q5.", "PIQA is identical to q5."),
        ("q5 is slightly ahead on PIQA.", "q5 is slightly ahead on Winogrande."),
        ("qx65-hi is outperformed by Heron on BoolQ.", "qx65-hi is outperformed by Heron on PIQA."),
        ("qx65-hi does not beat q5 on PIQA.", "qx65-hi does not beat q5 on Winogrande."),
        ("q5 is smaller and faster than bf16.", "bf16 is smaller and faster than q5."),
        ("At 5.6 GB it needs 40% of the size of bf16.", "At 6.6 GB it needs 40% of the size of bf16."),
        ("Its perplexity of 6.540 is lower than that of q5.",
         "Its perplexity of 6.540 is lower than that of bf16."),
        ("Attention is kept at 6 bits, the data at 5 bits.",
         "Attention is kept at 8 bits, the data at 5 bits."),
        ("qx65-hi has as many parameters: 7.2B parameters.", "qx65-hi has 50% fewer parameters than bf16."),
        ("| Task | qx65-hi | q5 | Diff |\n|---|---|---|---|\n| PIQA | 0.741 | 0.745 | -0.004 (q5) |",
         "| Task | qx65-hi | q5 | Diff |\n|---|---|---|---|\n| PIQA | 0.741 | 0.745 | +0.004 (q5) |"),
    ],
)  # fmt: skip
def test_a_claim_is_true_and_its_mirror_false(right: str, wrong: str) -> None:
    """The same wording with the right and with a wrong number, leader or direction."""
    assert (verdict(right), verdict(wrong)) == ("true", "false")


@pytest.mark.parametrize(
    "text",
    [
        "qx65-hi writes better poems than q5.",
        "qx65-hi beats Llama-3-8B on PIQA.",
        "GSM8K improves over q5.",
        "It might be better than Heron on BoolQ.",
        "If you need BoolQ to be higher than Heron",
        "This is a model for people who like birds.",
        "The higher precision of its layers makes it more capable.",
    ],
)
def test_what_the_board_cannot_decide_is_never_called_false(text: str) -> None:
    """Opinions, strangers, tasks that were not measured, guesses and conditions."""
    assert verdict(text) in ("not_checkable", "nothing")


def test_a_false_number_comes_with_the_right_one() -> None:
    """The fix is the whole quote as it would be true."""
    text = "Against q5, **HellaSwag** is 18% higher, and it wins 4/5 tasks."
    fixes = [finding.fix for finding in check(text, BOARD) if finding.verdict == "false"]
    assert fixes == ["3.2% higher", "wins 2/5 tasks"]


def test_the_subject_of_a_section_is_who_its_heading_names() -> None:
    """Items under a heading are about the model and the rival that it names."""
    text = "## Heron-8B-q4-hi vs q5\n\n- BoolQ: +0.024\n- PIQA: +0.012\n"
    assert [(f.quote, f.verdict) for f in check(text, BOARD)] == [("+0.024", "true"), ("+0.012", "false")]


def test_words_have_their_stated_bounds() -> None:
    """Flawless, massive and crushing are words of measure (bot/review/claims/thresholds.py)."""
    claims = (
        "BoolQ is near-perfect at 0.777.",
        "A massive gain in PIQA over Heron.",
        "It crushes q5 on PIQA.",
    )
    assert [verdict(claim) for claim in claims] == ["false", "false", "false"]


def test_findings_stand_where_they_say() -> None:
    """Quotes are exact, Markdown's marks included, and findings come in the order of the text."""
    text = "It **beats** `q5` on _Winogrande_ (+0.012), and PIQA is *0.741*.\n\n| PIQA | **0.741** |\n"
    found: tuple[Finding, ...] = check(text, BOARD)
    assert found
    assert all(text[each.start : each.end] == each.quote for each in found)
    assert [each.start for each in found] == sorted(each.start for each in found)


def test_code_and_metadata_hold_no_claims() -> None:
    """Front matter and fenced code are not read."""
    text = "---\nscore: 0.999 on PIQA\n---\n\n```\nPIQA = 0.999\n```\n"
    assert check(text, BOARD) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It wins 4/5 tasks against Heron (4-1), and loses to q5 on PIQA. BoolQ: 0.801", 4),
        ("- HellaSwag: +1.8 points over q5; Winogrande 1.2\n- PIQA: 0.741, #1 of all\n", 3),
        ("| Task | qx65-hi | q5 | Winner |\n|---|---|---|---|\n| PIQA | 0.741 | 0.745 | qx65-hi |\n", 3),
    ],
)
def test_a_sentence_is_judged_the_same_wherever_it_is_repeated(text: str, said: int) -> None:
    """Equal sentences in equal contexts are judged once; each of them has its findings, in its own place."""
    once = check(text, BOARD)
    assert len(once) == said
    found = check("\n\n".join([text] * 3), BOARD)
    step = len(text) + 2
    assert [(f.start, f.verdict, f.why) for f in found] == [
        (f.start + step * number, f.verdict, f.why) for number in range(3) for f in once
    ]


def test_repeated_text_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty thousand equal sentences in equal contexts are counted out once."""
    made: list[object] = []
    judged = tally.overall

    def counted(scale: Scale, mine: Model, theirs: Sequence[Model], relation: Relation) -> Reading:
        made.append(relation)
        return judged(scale, mine, theirs, relation)

    monkeypatch.setattr(scope, "overall", counted)
    assert len(check("It beats Heron.\n\n" * 20_000, BOARD)) == 20_000
    assert 1 <= len(made) < 10
