"""The engine: any architecture, any memory, killed at any moment, the same numbers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from msgspec.structs import replace

from bot.measure import ask
from bot.measure.engine import checkpoint, choose, gates, passes, scorer, weights
from bot.measure.engine.choose import Choice
from bot.measure.engine.gates import DoesNotFit, Skeleton
from bot.measure.engine.lines import Limits, Line, batches
from bot.measure.engine.weights import Precision
from bot.measure.kept import Kept
from tests.measure import tiny

LINES = [Line((*random.Random(n).choices(range(3, 300), k=10 + n % 30), 7), 10 + n % 30) for n in range(60)]


def opened(folder: Path, *, budget: int = 2**30, kept_in: Path | None = None) -> scorer.Layered:
    """The engine with a memory for hidden states of so many bytes."""
    model, tokenizer, config = weights.load(folder)
    choice = Choice(Precision("float32"), Limits(256, 2**20), budget, "")
    return scorer.Layered(folder, Skeleton(model), tokenizer, config, choice, kept_in)


def answers(of: scorer.Scorer, kept: Kept | None = None) -> list[float]:
    return [value for value, _ in ask.answers(of, LINES, kept or Kept(None, ""))]


@pytest.mark.parametrize("architecture", list(tiny.ARCHITECTURES))
def test_a_small_budget_means_more_passes_and_the_same_numbers(tmp_path: Path, architecture: str) -> None:
    """What does not fit between two layers goes in further passes over the layers."""
    folder = tiny.model_folder(tmp_path / "model", architecture, tiny.Q4)
    large, small = opened(folder), opened(folder, budget=2**17)
    made = batches(LINES, small.limits)
    assert len(large.passes(made)) == 1 < len(small.passes(made))
    assert answers(small) == pytest.approx(answers(large), abs=1e-5)


def test_only_one_layer_and_what_stands_outside_layers_is_in_memory(tmp_path: Path) -> None:
    """Of eight layers of 16 MB each in float32, no more than two and a few are ever held at once."""
    wide = tiny.COMMON | {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 8}
    tiny.ARCHITECTURES["wide"] = wide | {"model_type": "qwen3", "tie_word_embeddings": True}
    try:
        folder = tiny.model_folder(tmp_path / "model", "wide")
    finally:
        del tiny.ARCHITECTURES["wide"]
    layer = (folder / "model.safetensors").stat().st_size * 2 / 8
    engine = opened(folder)
    mx.clear_cache()
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    answers(engine)
    assert mx.get_peak_memory() - before < 3.2 * layer


def killed_in_last_layer(of: scorer.Scorer) -> None:
    """A pass that ends when the last layer has been computed, before its answers are known."""

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes._Run, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            answers(of)


def layers_brought(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From which layer on each pass brings them in, from now on."""
    brought: list[int] = []
    bring = weights.layers

    def counted(*args: Any, skip: int) -> Any:
        brought.append(skip)
        return bring(*args, skip=skip)

    monkeypatch.setattr(weights, "layers", counted)
    return brought


def test_a_killed_pass_goes_on_from_its_last_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden states are kept between layers; the layers before them are not computed again."""
    folder = tiny.model_folder(tmp_path / "model", "lfm2_moe")
    whole = answers(opened(folder))
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)

    killed_in_last_layer(opened(folder, kept_in=tmp_path / "kept"))
    brought = layers_brought(monkeypatch)
    assert answers(opened(folder, kept_in=tmp_path / "kept")) == pytest.approx(whole, abs=1e-6)
    assert brought == [1]
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_killed_pass_is_gone_on_with_as_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the next process's trial finds other batches better; those are for the pass after it."""
    folder, kept_in = tiny.model_folder(tmp_path / "model", "lfm2_moe"), tmp_path / "kept"
    whole = answers(opened(folder))
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)

    def tried(tokens: int) -> None:
        choice = Choice(Precision("float32"), Limits(tokens, 2**20), 2**28, f"{tokens} are fast")
        monkeypatch.setattr(choose, "choose", lambda *_, **__: choice)

    tried(256)
    killed_in_last_layer(scorer.open_folder(folder, checkpoints=kept_in))
    tried(512)
    brought = layers_brought(monkeypatch)
    again = scorer.open_folder(folder, checkpoints=kept_in)
    assert again.limits.tokens == 256
    assert answers(again) == pytest.approx(whole, abs=1e-6)
    assert brought == [1]
    assert scorer.open_folder(folder, checkpoints=kept_in).limits.tokens == 512


def test_a_checkpoint_of_other_questions_is_not_taken(tmp_path: Path) -> None:
    """What another pass left is removed, not taken; half a file means beginning at the first layer."""
    mine = checkpoint.Checkpoint(tmp_path, "mine")
    mine.save(1, [[mx.zeros((2, 3, 4))]])
    loaded = mine.load()
    assert loaded is not None
    assert loaded.layers == 1
    (left,) = checkpoint.under_way(tmp_path)
    left.write_bytes(b"half")
    assert mine.load() is None
    mine.save(1, [[mx.zeros((2, 3, 4))]])
    assert checkpoint.Checkpoint(tmp_path, "theirs").load() is None
    assert checkpoint.under_way(tmp_path) == []


@pytest.mark.parametrize("gives", ["a pair", "nothing it could alone"])
def test_layers_that_give_more_than_hidden_states_are_found_by_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gives: str
) -> None:
    """A layer that returns a pair, or wants what only the whole model has, means running the model whole."""
    model, _, config = weights.load(folder := tiny.model_folder(tmp_path / "model", "qwen3"))
    skeleton, kind = Skeleton(model), type(next(weights.layers(folder, Precision())))
    original = kind.__call__

    def pair(self: Any, *args: Any, **kwargs: Any) -> Any:
        if gives != "a pair":
            raise AttributeError("no such neighbour")
        return original(self, *args, **kwargs), None

    monkeypatch.setattr(kind, "__call__", pair)
    with pytest.raises(DoesNotFit):
        choose.choose(folder, skeleton, config, exact=False)


def test_a_model_that_does_not_fit_is_run_whole_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the forward pass is more than its layers in a row, mlx-lm's own is taken, with the reason."""
    folder = tiny.model_folder(tmp_path / "model", "glm4_moe", tiny.Q4)
    expected = answers(opened(folder))

    def refuse(_: Skeleton) -> None:
        raise DoesNotFit("it calls a layer twice")

    monkeypatch.setattr(Skeleton, "_check_head", refuse)
    whole = scorer.open_folder(folder)
    assert whole.computation.path == "whole"
    assert "it calls a layer twice" in whole.computation.why
    assert answers(whole) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("change", ["twice", "mixing"])
def test_the_trial_finds_what_cannot_be_run_layer_by_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A layer that is called twice, and a head that looks at several positions, are found before any work."""
    model, _, _ = weights.load(tiny.model_folder(tmp_path / "model", "qwen3"))
    kind = type(model.model)

    def twice(self: Any, inputs: mx.array, cache: Any = None, input_embeddings: Any = None) -> mx.array:
        hidden = self.layers[0](self.embed_tokens(inputs), "causal", None)
        for layer in self.layers:
            hidden = layer(hidden, "causal", None)
        out: mx.array = self.norm(hidden)
        return out

    def mixing(self: Any, *args: Any, **kwargs: Any) -> mx.array:
        out: mx.array = original(self, *args, **kwargs)
        return out + out.mean(axis=1, keepdims=True)

    original = kind.__call__
    monkeypatch.setattr(kind, "__call__", {"twice": twice, "mixing": mixing}[change])
    with pytest.raises(DoesNotFit):
        Skeleton(model)


def test_gates_keep_what_a_layer_is(tmp_path: Path) -> None:
    """A gate is an instance of its layer's class with its plain attributes, and holds no weights."""
    model, _, _ = weights.load(tiny.model_folder(tmp_path / "model", "lfm2_moe"))
    kinds = [type(layer) for layer in model.layers]
    Skeleton(model)
    for layer, kind in zip(model.layers, kinds, strict=True):
        assert isinstance(layer, kind)
        assert isinstance(layer.is_attention_layer, bool)
        assert not gates._holds_arrays([*layer.values()])


def test_computed_is_said_with_the_result(tmp_path: Path) -> None:
    """What the probe chose stands in the computation, in words for people."""
    engine = scorer.open_folder(tiny.model_folder(tmp_path / "model", "qwen3", tiny.Q4))
    said = engine.computation
    assert said == replace(said, path="layers", dtype="float32")
    assert said.batch_tokens > 0
    assert "layer by layer" in said.why
    exact = scorer.open_folder(tmp_path / "model", exact=True).computation
    assert (exact.weights, exact.dtype) == ("stored", "bfloat16")
