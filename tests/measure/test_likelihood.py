"""The LM scores as mlx_lm.evaluate's does, for every architecture, quantized or not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from lm_eval.api.instance import Instance
from mlx_lm.evaluate import DEFAULT_MAX_TOKENS, MLXLM

from bot.measure import likelihood, model
from bot.measure.engine.lines import Line
from bot.measure.engine.scorer import open_folder
from bot.measure.kept import Answer, Kept
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


def lm(folder: Path, *, exact: bool = False, **settings: Any) -> likelihood.EngineLM:
    return likelihood.make_lm(
        open_folder(folder, exact=exact), folder, **({"chat_template": True} | settings)
    )


def reference(
    folder: Path, asked: Sequence[Instance], *, own_dtype: bool = False
) -> list[tuple[float, bool]]:
    """What mlx_lm.evaluate's LM answers: on the whole model, in float32 or in the model's own dtype."""
    theirs = MLXLM(str(folder))
    if not own_dtype:
        model.compute_in_float32(theirs._model)
    answers: list[Answer] = theirs.loglikelihood(asked)
    return answers


@pytest.mark.parametrize("quantization", [None, tiny.Q4, tiny.MXFP4], ids=["bf16", "q4", "mxfp4"])
@pytest.mark.parametrize("architecture", list(tiny.ARCHITECTURES))
def test_likelihoods_are_those_of_mlx_lm_evaluate(
    tmp_path: Path, architecture: str, quantization: dict[str, Any] | None
) -> None:
    """Layer by layer, in batches, with beginnings shared and weights unpacked: no likelihood changes."""
    folder = tiny.model_folder(tmp_path / "model", architecture, quantization)
    asked = questions(1, 12)
    ours = lm(folder)
    assert ours._scorer.computation.path == "layers"
    answers, theirs = ours.loglikelihood(asked), reference(folder, asked)
    assert [value for value, _ in answers] == pytest.approx([value for value, _ in theirs], abs=1e-4)
    assert [greedy for _, greedy in answers] == [greedy for _, greedy in theirs]


@pytest.mark.parametrize("architecture", list(tiny.OTHERS))
def test_other_architectures_run_layer_by_layer_with_their_own_code(
    tmp_path: Path, architecture: str
) -> None:
    """Nothing is known of them here: mlx-lm's forward pass and caches are used as they are."""
    folder = tiny.model_folder(tmp_path / "model", architecture)
    asked = questions(4, 12)
    ours = lm(folder)
    assert ours._scorer.computation.path == "layers"
    answers, theirs = ours.loglikelihood(asked), reference(folder, asked)
    assert [value for value, _ in answers] == pytest.approx([value for value, _ in theirs], abs=1e-4)


@pytest.mark.parametrize("architecture", ["qwen3", "lfm2_moe", "gpt_oss"])
def test_with_the_exact_dtype_they_are_those_of_the_models_own_dtype(
    tmp_path: Path, architecture: str
) -> None:
    """The model's own dtype and packed weights, as mlx_lm.evaluate computes, to bfloat16's last rounding."""
    folder = tiny.model_folder(tmp_path / "model", architecture, tiny.Q4)
    asked = questions(2, 8)
    answers, theirs = lm(folder, exact=True).loglikelihood(asked), reference(folder, asked, own_dtype=True)
    assert [value for value, _ in answers] == pytest.approx([value for value, _ in theirs], abs=1e-3)


def test_a_mixture_of_experts_in_bfloat16_is_measured_on_the_cpu(tmp_path: Path) -> None:
    """mlx-lm cannot run it there (GatherMM takes float32 only); with --exact-dtype ours does, in bfloat16."""
    folder = tiny.model_folder(tmp_path / "model", "lfm2_moe")
    asked = questions(3, 4)
    with pytest.raises(Exception, match="GatherMM"):
        reference(folder, asked, own_dtype=True)
    ours = lm(folder, exact=True)
    assert ours._scorer.computation.dtype == "bfloat16"
    near = reference(folder, asked)
    assert [v for v, _ in ours.loglikelihood(asked)] == pytest.approx([v for v, _ in near], rel=0.02)


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    """Shuffled requests get shuffled answers, and progress ends with all tokens done."""
    told: list[tuple[int, int]] = []
    ours = lm(tiny.model_folder(tmp_path / "model"), done=lambda part, of: told.append((part, of)))
    asked = questions(2, 40)
    shuffled = asked[:]
    random.Random(3).shuffle(shuffled)
    before = dict(zip([i.args for i in asked], ours.loglikelihood(asked), strict=True))
    assert told[-1][0] == told[-1][1] > 1
    assert told == sorted(told)
    for instance, (value, _) in zip(shuffled, ours.loglikelihood(shuffled), strict=True):
        assert value == pytest.approx(before[instance.args][0], abs=1e-4)


def test_what_greedy_decoding_would_say_is_known_as_greedy(tmp_path: Path) -> None:
    """The most likely next tokens after a context are scored as greedy, any other continuation is not."""
    folder = tiny.model_folder(tmp_path / "model", dtype=mx.float32)
    whole, _, _ = model.load(folder)
    ours = lm(folder)
    context = ours._tokens(["the river stone"])[0]
    said: list[int] = []
    for _ in range(3):
        logits = whole(mx.array([[*context, *said]]))[0, -1]
        said.append(int(np.argmax(np.array(logits))))
    other = [said[0], said[1], (said[2] + 1) % 300]
    lines = [Line((*context, *tokens), len(context)) for tokens in (said, other)]
    assert [greedy for _, greedy in ours._answers(lines)] == [True, False]


def test_contexts_beyond_the_limit_are_cut_from_the_left_as_mlx_lm_evaluate_cuts_them() -> None:
    """A text one token longer than the limit allows loses the first token of its context."""
    limit = DEFAULT_MAX_TOKENS
    context, answer = tuple(range(limit)), (7, 8, 9)
    assert likelihood.lines_of(context, [context + answer]) == [Line(context[2:] + answer, limit - 2)]
    assert likelihood.lines_of((), [answer]) == [None]


def test_a_context_longer_than_a_step_is_scored_as_a_whole(tmp_path: Path) -> None:
    """Rows beyond 2048 tokens go through a layer in steps, across sliding windows, as in mlx_lm.evaluate."""
    folder = tiny.model_folder(tmp_path / "model", "gpt_oss")
    context = " ".join(random.Random(4).choices(tiny.WORDS, k=2500))
    asked = [Instance("loglikelihood", {}, (context, f" {word} stone"), 0) for word in ("river", "cloud")]
    answers, theirs = lm(folder).loglikelihood(asked), reference(folder, asked)
    assert [value for value, _ in answers] == pytest.approx([value for value, _ in theirs], abs=1e-3)


def test_rolling_likelihoods_are_those_of_mlx_lms_lm(tmp_path: Path) -> None:
    """A whole text after its first token, as loglikelihood_rolling of mlx_lm's own LM."""
    folder = tiny.model_folder(tmp_path / "model", "glm4_moe", tiny.Q4)
    texts = [" ".join(random.Random(n).choices(tiny.WORDS, k=n + 2)) for n in range(5)]
    asked = [Instance("loglikelihood_rolling", {}, (text,), 0) for text in texts]
    theirs = MLXLM(str(folder))
    model.compute_in_float32(theirs._model)
    assert lm(folder).loglikelihood_rolling(asked) == pytest.approx(
        theirs.loglikelihood_rolling(asked), abs=1e-3
    )


def test_what_was_answered_once_is_not_computed_again(tmp_path: Path) -> None:
    """A second LM on the same kept answers calls no layer; another way of computing shares nothing."""
    folder = tiny.model_folder(tmp_path / "model")
    asked = questions(5, 6)
    first = lm(folder, kept=Kept(tmp_path / "kept.sqlite", "one way")).loglikelihood(asked)
    again = lm(folder, kept=Kept(tmp_path / "kept.sqlite", "one way"))
    again._scorer.features = None  # type: ignore[method-assign,assignment]  # any use of it would fail
    assert again.loglikelihood(asked) == first
    other = lm(folder, kept=Kept(tmp_path / "kept.sqlite", "another way"))
    other._scorer.features = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        other.loglikelihood(asked)


def test_the_chat_template_is_used_where_there_is_one_unless_it_is_refused(tmp_path: Path) -> None:
    """With the template no special tokens are added to the rendered text, as in mlx_lm.evaluate."""
    folder = tiny.model_folder(tmp_path / "model")
    assert lm(folder).use_chat_template
    assert not lm(folder, chat_template=False).use_chat_template
    (folder / "chat_template.jinja").unlink()
    assert not lm(folder).use_chat_template


def test_texts_are_tokenized_together_as_one_by_one(tmp_path: Path) -> None:
    """One call of the tokenizer for all texts gives what encode gives for each, special tokens too."""
    ours = lm(tiny.model_folder(tmp_path / "model"), chat_template=False)
    texts = [" ".join(random.Random(n).choices(tiny.WORDS, k=n)) + "é" * n for n in range(9)]
    assert ours._tokens(texts) == [tuple(ours.tokenizer.encode(text)) for text in texts]
