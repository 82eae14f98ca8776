"""The smoke test: answers that end, end tokens that are known, loops that are seen."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import child
from bot.errors import VerificationFailed
from bot.measure.end_tokens import end_of_turn, first_special
from bot.measure.request import PROMPTS, AnswersRequest
from bot.measure.verdict import LOOP_REPEATS, LOOP_TOKENS, judge, looping
from bot.records import Answer, Answers
from tests.measure import tiny

tokens = st.lists(st.integers(0, 50), max_size=60)
pieces = st.lists(st.integers(0, 50), min_size=1, max_size=12)


@given(tokens, pieces)
def test_a_piece_repeated_at_the_end_is_a_loop(before: list[int], piece: list[int]) -> None:
    """Whatever was said before, an answer that ends in enough repeats of a piece loops."""
    repeats = max(LOOP_REPEATS, -(-LOOP_TOKENS // len(piece)))
    assert looping(before + piece * repeats)


@given(st.lists(st.integers(0, 1000), max_size=96, unique=True))
def test_an_answer_without_repeats_is_no_loop(said: list[int]) -> None:
    """Tokens that are all different never loop."""
    assert not looping(said)


@given(tokens, st.integers(0, 50), st.integers(1, LOOP_TOKENS - 2))
def test_a_short_run_of_one_token_is_no_loop(before: list[int], token: int, run: int) -> None:
    """A row of dots or zeros shorter than the limit, with something else before it, is allowed."""
    distinct = [51 + place for place in range(len(before) + 1)]
    assert not looping([*distinct, *[token] * run])


@given(tokens, pieces, st.integers(100, 200))
def test_a_loop_that_was_left_again_is_no_loop(before: list[int], piece: list[int], end: int) -> None:
    """Only the end counts: a list of similar lines that comes to its last word has ended."""
    assert not looping([*before, *piece * 8, *range(end, end + LOOP_TOKENS)])


def answers(stopped: bool = True, loops: bool = False, missing: Sequence[str] = ()) -> Answers:
    given = Answer(prompt="hello", text="", tokens=96, stopped=stopped, looping=loops)
    return Answers(answers=(given,), missing_end_tokens=tuple(missing))


FINE, ENDLESS, LOOPS = answers(), answers(stopped=False), answers(stopped=False, loops=True)
DEAF = answers(missing=["<|im_end|>"])


@pytest.mark.parametrize(
    ("base", "quant", "complaint"),
    [
        (FINE, FINE, None),
        (FINE, ENDLESS, "does not end within 96 tokens"),
        (FINE, LOOPS, "repeats itself"),
        (FINE, DEAF, "does not know <|im_end|>"),
        (ENDLESS, LOOPS, None),
        (LOOPS, ENDLESS, None),
        (ENDLESS, FINE, None),
        (DEAF, DEAF, None),
        (DEAF, FINE, None),
        (None, FINE, None),
        (None, ENDLESS, "a sound model's does"),
        (None, DEAF, "does not know <|im_end|>"),
    ],
)
def test_a_quant_must_do_what_its_base_does(
    base: Answers | None, quant: Answers, complaint: str | None
) -> None:
    """Complaints arise only where the base stops without looping or knows an end token, or cannot be run."""
    complaints = judge(base, quant)
    assert complaints == [] if complaint is None else complaint in complaints[0]


def test_answers_to_other_prompts_are_not_compared() -> None:
    """Judging answers to different questions is a mistake of the caller and is refused."""
    other = Answer(prompt="bye", text="", tokens=1, stopped=True, looping=False)
    with pytest.raises(ValueError, match="different prompts"):
        judge(FINE, Answers(answers=(other,)))


HARMONY = (
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}"
    "<|message|>{{ m.content }}"
    "{{ '<|return|>' if m.role == 'assistant' and loop.last else '<|end|>' }}{% endfor %}"
)
LLAMA3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}<s>[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }} </s>{% endif %}{% endfor %}"
)
GLM = "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
NEVER_SHOWN = "{% for m in messages if m.role == 'user' %}<|im_start|>{{ m.content }}{% endfor %}"
BARE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
SPECIAL = (
    "<|im_start|>", "<|im_end|>", "<|start|>", "<|end|>", "<|return|>", "<|channel|>", "<|message|>",
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<s>", "</s>",
    "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|endoftext|>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (tiny.CHATML, "<|im_end|>"),
        (HARMONY, "<|return|>"),
        (LLAMA3, "<|eot_id|>"),
        (LLAMA2, "</s>"),
        (GLM, "<|user|>"),
        (NEVER_SHOWN, None),
        (BARE, None),
    ],
    ids=["chatml", "harmony", "llama3", "llama2", "glm", "answer never shown", "no special token"],
)
def test_the_end_of_turn_is_read_from_the_rendered_template(template: str, expected: str | None) -> None:
    """The token that closes the last answer, or else the one that opens the user's next turn."""
    compiled = jinja2.Environment(autoescape=False).from_string(template)
    assert end_of_turn(lambda chat: compiled.render(messages=chat), SPECIAL) == expected


@given(st.sampled_from(SPECIAL), st.text(), st.sampled_from(["", " ", "\n", " \n\t"]))
def test_the_first_special_token_is_found_behind_white_space(token: str, after: str, space: str) -> None:
    """Whatever follows it, and the longest one when one begins another."""
    assert first_special(space + token + after, SPECIAL) == token
    assert first_special(token + ">", ("<|", token, token + ">")) == token + ">"


def ask(folder: Path, tmp_path: Path) -> Answers:
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    request = AnswersRequest(path=str(folder))
    return child.run("bot.measure.answers", request, Answers, log=tmp_path / "log", environment=environment)


def test_a_fresh_process_answers_the_three_prompts(tmp_path: Path) -> None:
    """A random model babbles on to the limit, a bf16 mixture of experts on the CPU included."""
    given = ask(tiny.model_folder(tmp_path / "model", "lfm2_moe"), tmp_path)
    assert [answer.prompt for answer in given.answers] == list(PROMPTS)
    assert [(answer.tokens, answer.stopped) for answer in given.answers] == [(96, False)] * 3
    assert (given.end_tokens, given.missing_end_tokens) == (("<|im_end|>",), ())


def test_end_tokens_come_from_the_folder_and_one_that_is_missing_is_told(tmp_path: Path) -> None:
    """With every token but <|im_end|> ending generation, all answers stop and <|im_end|> is missing."""
    folder = tiny.model_folder(tmp_path / "model")
    words = tiny.tokenizer()
    ends = [token for token in range(len(words)) if token != words.convert_tokens_to_ids("<|im_end|>")]
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"eos_token": "<|endoftext|>"}))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    given = ask(folder, tmp_path)
    assert [(answer.stopped, answer.text) for answer in given.answers] == [(True, "")] * 3
    assert given.missing_end_tokens == ("<|im_end|>",)


def test_a_template_that_does_not_render_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A chat template that raises is a fault of the model, not a crash of the bot."""
    folder = tiny.model_folder(tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no chats here') }}")
    with pytest.raises(VerificationFailed, match=r"does not render a plain chat \(no chats here"):
        ask(folder, tmp_path)
