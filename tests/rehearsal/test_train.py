"""What the training script promises: the numbers of mlx-lm's own models, in the layout of a real download."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten
from mlx_lm.models.switch_layers import SwitchGLU
from mlx_lm.utils import load_model, load_tokenizer

from bot.rehearsal import architectures, export, tokenizer, train
from bot.rehearsal.architectures import ARCHITECTURES, QWEN3, Architecture

EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)


def test_dense_experts_compute_what_gathered_ones_do() -> None:
    """Training runs every expert on every token and picks afterwards; the result is mlx-lm's."""
    mx.random.seed(1)
    layer = SwitchGLU(64, 32, 4)
    x = mx.random.normal((2, 9, 64))
    indices = mx.random.randint(0, 4, (2, 9, 2))
    assert mx.allclose(train.dense_experts(layer, x, indices), layer(x, indices), atol=1e-5).item()


@EVERY
def test_mlx_lm_reads_back_what_was_written(architecture: Architecture, tmp_path: Path) -> None:
    """Through the Hub's names and layouts every parameter comes back, rounded as it is stored."""
    mx.random.seed(2)
    model = train.build(architecture)
    words = tokenizer.train(architecture)
    export.write(tmp_path, architecture, model, words)
    read, config = load_model(tmp_path)
    want = dict(tree_flatten(model.parameters()))
    got = dict(tree_flatten(read.parameters()))
    for name, value in got.items():
        if name.endswith(".scales"):
            continue
        original = want[name]
        if value.dtype == mx.uint32:
            original, value = export.mxfp4(original)["_scales"], got[name.replace("weight", "scales")]
        assert mx.array_equal(value, original.astype(value.dtype)).item(), name
    assert {name for name in got if not name.endswith(".scales")} == set(want)
    reader = load_tokenizer(tmp_path, eos_token_ids=config["eos_token_id"])
    assert reader.eos_token_ids == {words.token_to_id(token) for token in architecture.end_tokens}


@EVERY
def test_what_is_learned_is_what_is_asked(architecture: Architecture) -> None:
    """A training turn is the prompt as lm-eval renders it, then the answer, at full weight, then an end."""
    words = tokenizer.train(architecture)
    renderer = tokenizer.Renderer(architecture, words)
    turn = [{"role": "user", "content": "Question: x?\nAnswer:"}, {"role": "assistant", "content": "a cow"}]
    [(ids, weights)] = renderer.encode([turn])
    learned = [words.id_to_token(int(i)) for i, weight in zip(ids, weights, strict=True) if weight == 1.0]
    assert learned == [*words.encode("a cow").tokens, architecture.end_tokens[0]]
    assert words.get_vocab_size() == architectures.VOCABULARY


def test_training_twice_gives_the_same_base() -> None:
    """Seeds decide everything: after some steps the weights are the same to the last bit, and they moved."""
    first, second = (dict(tree_flatten(train.train(QWEN3, 3)[0].parameters())) for _ in range(2))
    assert all(mx.array_equal(value, second[name]).item() for name, value in first.items())
    untrained = dict(tree_flatten(train.build(QWEN3).parameters()))
    assert not mx.array_equal(first["lm_head.weight"], untrained["lm_head.weight"]).item()
