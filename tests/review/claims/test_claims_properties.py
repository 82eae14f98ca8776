"""What must hold for every board and every text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.card.board import TASKS, Board, board
from bot.card.facts import Facts
from bot.card.numbers import task_title
from bot.review.claims import check
from bot.review.claims.plain import Plain
from tests.review.claims.boards import small_board

thousandths = st.integers(min_value=200, max_value=900)


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """Two quants of one base, with all seven tasks, scores of three digits."""
    scores: dict[str, dict[str, float | bool | None]] = {
        name: {task: draw(thousandths) / 1000 for task in TASKS} for name in ("qx86-hi", "q6")
    }
    return board(Facts(card="Lark-9B-qx86-hi-mlx", base_model="a/Lark-9B", recipe="qx86-hi", scores=scores))


def verdicts(text: str, known: Board) -> set[str]:
    return {finding.verdict for finding in check(text, known)}


@given(boards(), st.sampled_from(TASKS))
@settings(max_examples=60, deadline=None)
def test_a_difference_said_as_it_is_holds(known: Board, task: str) -> None:
    """Points, signed differences and relative percent of any two scores are true; the other sign is false."""
    mine, theirs = (model.scores[task].value for model in known.models)
    delta, name = mine - theirs, task_title(task)
    assert "false" not in verdicts(f"{name}: {mine:.3f} ({delta:+.3f} vs q6)", known)
    if abs(delta) > 0.0005:
        word, other = ("higher", "lower") if delta > 0 else ("lower", "higher")
        assert verdicts(f"{name} is {100 * abs(delta):.1f} points {word} than in q6.", known) == {"true"}
        assert verdicts(f"{name} is {100 * abs(delta) / theirs:.2f}% {word} than in q6.", known) == {"true"}
        assert verdicts(f"{name} is {100 * abs(delta):.1f} points {other} than in q6.", known) == {"false"}


@given(boards(), st.integers(min_value=0, max_value=7))
@settings(max_examples=60, deadline=None)
def test_a_count_of_wins_is_the_count(known: Board, said: int) -> None:
    """`wins n of the 7` is true for exactly the number of higher scores."""
    first, second = known.models
    wins = sum(first.scores[task].value > second.scores[task].value for task in TASKS)
    expected = {"true"} if said == wins else {"false"}
    assert verdicts(f"Against q6, qx86-hi wins {said} of the 7 tasks.", known) == expected
    assert verdicts(f"qx86-hi wins {said}/7 tasks over q6", known) == expected


@given(boards(), st.sampled_from(TASKS))
@settings(max_examples=40, deadline=None)
def test_a_row_of_a_table_holds_when_it_is_right(known: Board, task: str) -> None:
    """Scores, difference and leader of a row; with the leader exchanged it is false."""
    mine, theirs = (model.scores[task].value for model in known.models)
    leader, loser = ("qx86-hi", "q6") if mine > theirs else ("q6", "qx86-hi")
    head = "| Task | qx86-hi | q6 | Difference | Winner |\n|---|---|---|---|---|\n"
    row = f"| {task} | {mine:.3f} | {theirs:.3f} | {mine - theirs:+.3f} |"
    assert verdicts(f"{head}{row} {leader} |\n", known) == {"true"}
    if mine != theirs:
        assert "false" in verdicts(f"{head}{row} {loser} |\n", known)


PIECES = """ARC PIQA q5 Heron qx65-hi beats than over vs best #1 6/7 0.741 +0.02 2.5% points ( ) | - * `
[ ]( < > not except all tasks perplexity 6.54 8-bit data size 5G by from to and , ; : . → ↑ ± – — € 1e9"""
WORDS = st.sampled_from([*PIECES.split(), "\n", "\t", "\n\n", "  "])


@given(st.lists(WORDS, max_size=60).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_exact_quotes(text: str) -> None:
    """No text breaks the check; each quote stands where it says, and a second run says the same."""
    found = check(text, small_board())
    assert all(text[each.start : each.end] == each.quote for each in found)
    assert found == check(text, small_board())


@given(st.text(alphabet="ab*`_[]()<>|\\\n\t –“’é ", max_size=80))
@settings(deadline=None)
def test_the_plain_text_knows_its_origin(text: str) -> None:
    """Each character of the plain text stands at a place of the original, in order."""
    plain = Plain(text)
    spans = [plain.origin(at, at + 1) for at in range(len(plain.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "|",
        "\t",
        "a-",
        "[a](",
        "<a ",
        "beats ",
        "0.",
        "+0.025 ",
        "ARC, ",
        "A and ",
        "not ",
        "- ARC: 0.4\n",
        "`",
    ],
)
def test_hostile_text_ends(piece: str) -> None:
    """Twenty thousand repetitions of what could make a pattern or a grammar run away come to an end."""
    text = piece * 20_000
    assert all(text[each.start : each.end] == each.quote for each in check(text, small_board()))
