"""What a model writes, as plain blocks of sentences: nothing of Markdown acts, no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.card.markdown import clean
from bot.errors import BotError
from bot.review.llm.english import is_english
from bot.review.llm.plain import MOST, Part, parts, sentences, without_thoughts
from bot.review.llm.reviewed import NoReview

hostile = st.text(alphabet=st.sampled_from(list("ab .!?\n#*-_`|<>{}[]()\"'1\ue000\u202e")), max_size=200)
calls = st.sampled_from(['{{ score("a_b*c", "x.y") }}', '{{ best("Q. Z", "m") }}', "{{ tasks() }}"])


def kinds(answer: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(part.kind, part.sentences) for part in parts(answer)]


def test_markdown_becomes_plain_blocks() -> None:
    """Headings, lists and tables stay as text; emphasis, links and rules leave their words behind."""
    answer = (
        "## Where it **leads**\n\nIt is *good*. See [the base](http://b.example).\n\n---\n\n1. One thing\n"
        "2. Another `thing`\n   - inside\n\n| Task | this |\n|---|---|\n| BoolQ | high |\n\n> quoted"
    )
    assert kinds(answer) == [
        ("heading", ("Where it leads",)),
        ("paragraph", ("It is good.", "See the base.")),
        ("bullet", ("One thing",)),
        ("bullet", ("Another thing",)),
        ("bullet", ("inside",)),
        ("bullet", ("Task: this",)),
        ("bullet", ("BoolQ: high",)),
        ("paragraph", ("quoted",)),
    ]


def test_a_review_in_a_code_fence_is_read_as_one() -> None:
    """Models like to wrap an answer into a fence; it is taken off."""
    assert kinds("```markdown\nIt is good. It is small.\n```") == [
        ("paragraph", ("It is good.", "It is small."))
    ]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("<think>no</think>Yes.", "Yes."),
        ("<think>a<think>b</think>c</think>Yes.", "Yes."),
        ("the prompt had opened it</think>Yes.", "Yes."),
        ("Yes.<THINK>and then", "Yes."),
        ("<think>for ever", ""),
        ("<reasoning>no</reasoning>Yes.<think></think>", "Yes."),
        ("Yes.", "Yes."),
    ],
)
def test_thoughts_are_taken_out(answer: str, left: str) -> None:
    """With both tags, with one, nested, in either order, cut off in the middle."""
    assert without_thoughts(answer).strip() == left


@given(st.lists(st.sampled_from(["<think>", "</think>", "x", "<thinking>"]), max_size=30))
def test_no_thought_is_left_between_tags(pieces: list[str]) -> None:
    """Whatever the order of the tags, none of them survives."""
    assert "think" not in without_thoughts("".join(pieces))


@given(hostile)
def test_blocks_are_single_clean_lines(answer: str) -> None:
    """Whatever was written: sentences are not empty, on one line, without control or private characters."""
    try:
        found = parts(answer)
    except BotError:
        return
    for part in found:
        for sentence in part.sentences:
            assert sentence.strip()
            assert clean(sentence) == sentence


@given(st.lists(calls, min_size=1, max_size=20))
def test_expressions_pass_markdown_unchanged(found: list[str]) -> None:
    """Stars, underscores and full stops inside of an expression are neither emphasis nor an end."""
    answer = " ".join(f"It has {call} here." for call in found)
    assert [s for part in parts(answer) for s in part.sentences] == [f"It has {call} here." for call in found]


@given(
    st.lists(
        st.sampled_from(["It wins.", "Is it?", "vs. mxfp4 it is, e.g. on BoolQ, ahead!", "qx86-hi 4.5."])
    )
)
def test_sentences_are_a_partition_of_the_line(found: list[str]) -> None:
    """Cutting a line into sentences and joining them gives the line."""
    line = " ".join(found)
    assert " ".join(sentences(line)) == line


def test_names_and_abbreviations_end_no_sentence() -> None:
    """A name with a dot, vs., e.g. and a decimal number stay inside; a name may begin a sentence."""
    line = "GLM-4.5-Air leads vs. Qwen, e.g. Here on 4.5. qx86-hi follows! unsloth-X is third."
    assert sentences(line) == [
        "GLM-4.5-Air leads vs. Qwen, e.g. Here on 4.5.", "qx86-hi follows!", "unsloth-X is third.",
    ]  # fmt: skip


def test_a_cut_answer_ends_with_its_last_whole_sentence() -> None:
    """Only the sentence in which it was cut is left out."""
    assert parts("It is good. It is", cut=True) == (Part(kind="paragraph", sentences=("It is good.",)),)
    assert parts("It is good. It is.", cut=True)[0].sentences == ("It is good.", "It is.")


@pytest.mark.parametrize("answer", ["", " \n", "<think>x</think>", "x" * (MOST + 1), "{{ tasks() }} " * 6401])
def test_nothing_and_too_much_are_no_review(answer: str) -> None:
    """An empty answer, one of thoughts alone, and one that no card would hold."""
    with pytest.raises(NoReview):
        parts(answer)


@pytest.mark.parametrize(
    "shape", ["[", "(" * 3 + "[", "*a ", "> ", "- ", "`", "<a ", "![", "|", "{{", "</think>"]
)
def test_the_longest_hostile_answer_is_taken_apart(shape: str) -> None:
    """Nesting and open brackets up to the longest answer do no more than any other text."""
    answer = (shape * MOST)[:MOST]
    assert sum(len(s) for part in parts("x " + answer[:-2]) for s in part.sentences) <= MOST


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("It is ahead on the hard questions and behind on the easy ones, as one would expect.", True),
        ("It leads on ARC Challenge, ARC Easy, HellaSwag, OpenBookQA, PIQA and Winogrande.", True),
        ("Dieses Modell ist auf den schweren Fragen besser und auf den leichten etwas schlechter.", False),
        ("Ce mod\u00e8le est meilleur sur les questions difficiles et moins bon sur les autres.", False),
        ("Este modelo es mejor en las preguntas dif\u00edciles y algo peor en las otras.", False),
        ("\u8fd9\u4e2a\u6a21\u578b\u5f88\u597d\u3002", False),
        ("\u042d\u0442\u0430 \u043c\u043e\u0434\u0435\u043b\u044c \u043b\u0443\u0447\u0448\u0435.", False),
    ],
)  # fmt: skip
def test_other_languages_are_told_from_english(text: str, english: bool) -> None:
    """The claim checker reads English alone, so nothing else may pass it unread."""
    assert is_english(text) == english
