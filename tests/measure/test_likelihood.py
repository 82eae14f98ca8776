"""The LM scores as mlx_lm.evaluate's does, for every architecture, quantized or not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from lm_eval.api.instance import Instance
from mlx_lm.evaluate import DEFAULT_MAX_TOKENS, MLXLM

from bot.measure import likelihood, model
from tests.measure import tiny


def questions(seed: int, count: int) -> list[Instance]:
    """Contexts of 1 to 40 words with 2 to 4 choices of 1 to 6 words, and a few single requests."""
    draw = random.Random(seed)
    asked = []
    for _ in range(count):
        context = " ".join(draw.choices(tiny.WORDS, k=draw.choice([1, 5, 5, 5, 17, 40])))
        for choice in range(draw.randint(1, 4)):
            continuation = " " + " ".join(draw.choices(tiny.WORDS, k=draw.randint(1, 6)))
            asked.append(Instance("loglikelihood", {}, (context, continuation), choice))
    return asked


def lm(folder: Path, **settings: Any) -> likelihood.BatchedLM:
    loaded, tokenizer, _ = model.load(folder)
    made = likelihood.make_lm(loaded, tokenizer, **({"chat_template": True} | settings))
    assert isinstance(made, likelihood.BatchedLM)
    return made


@pytest.mark.parametrize("quantization", [None, tiny.Q4, tiny.MXFP4], ids=["bf16", "q4", "mxfp4"])
@pytest.mark.parametrize("architecture", list(tiny.ARCHITECTURES))
def test_likelihoods_are_those_of_mlx_lm_evaluate(
    tmp_path: Path, architecture: str, quantization: dict[str, Any] | None
) -> None:
    """Batches, shared contexts and dequantized weights change no likelihood beyond float32 rounding."""
    ours = lm(tiny.model_folder(tmp_path / "model", architecture, quantization))
    asked = questions(1, 12)
    reference = MLXLM.loglikelihood(ours, asked)
    model.prepare_for_likelihood(ours._model)
    answers = ours.loglikelihood(asked)
    assert [value for value, _ in answers] == pytest.approx([value for value, _ in reference], abs=2e-3)
    assert [greedy for _, greedy in answers] == [greedy for _, greedy in reference]


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    """Shuffled requests get shuffled answers, and progress ends with all questions done."""
    told: list[tuple[int, int]] = []
    ours = lm(tiny.model_folder(tmp_path / "model"), done=lambda part, of: told.append((part, of)))
    asked = questions(2, 40)
    shuffled = asked[:]
    random.Random(3).shuffle(shuffled)
    before = dict(zip([i.args for i in asked], ours.loglikelihood(asked), strict=True))
    for instance, (value, _) in zip(shuffled, ours.loglikelihood(shuffled), strict=True):
        assert value == pytest.approx(before[instance.args][0], abs=1e-4)
    assert told[-1][0] == told[-1][1] > 1


def test_what_greedy_decoding_would_say_is_known_as_greedy(tmp_path: Path) -> None:
    """The most likely next tokens after a context are scored as greedy, any other continuation is not."""
    ours = lm(tiny.model_folder(tmp_path / "model", dtype=mx.float32))
    context = ours._tokenize(["the river stone"])[0]
    said: list[int] = []
    for _ in range(3):
        logits = ours._model(mx.array([[*context, *said]]))[0, -1]
        said.append(int(np.argmax(np.array(logits))))
    other = [said[0], said[1], (said[2] + 1) % 300]
    first, cache = ours._read_contexts([context])
    scores = ours._continue(first, cache, [0, 0], [tuple(said), tuple(other)])
    assert [greedy for _, greedy in scores] == [True, False]


def test_contexts_beyond_the_limit_are_cut_from_the_left_as_mlx_lm_evaluate_cuts_them(
    tmp_path: Path,
) -> None:
    """A text one token longer than the limit allows loses the first token of its context."""
    limit = DEFAULT_MAX_TOKENS
    context, answer = tuple(range(limit)), (7, 8, 9)
    question = likelihood._question(context, [context + answer], [0])
    assert question.context == context[2:]
    assert question.continuations == [answer]


def test_the_chat_template_is_used_where_there_is_one_unless_it_is_refused(tmp_path: Path) -> None:
    """With the template no special tokens are added to the rendered text, as in mlx_lm.evaluate."""
    folder = tiny.model_folder(tmp_path / "model")
    assert lm(folder).use_chat_template
    assert not lm(folder, chat_template=False).use_chat_template
    (folder / "chat_template.jinja").unlink()
    assert not lm(folder).use_chat_template
