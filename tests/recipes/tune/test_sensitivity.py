"""What is measured: exactly what the quantized model would say, whatever is spared on the way there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from bot.errors import HostError, UnsuitableBase, UsageError
from bot.fetch.local import local_snapshot
from bot.measure import device
from bot.quantize import QuantizeRequest
from bot.quantize.family import quantize
from bot.recipes.layout import lay
from bot.recipes.names import parse
from bot.recipes.tune import TuneRequest
from bot.recipes.tune.fake import Base
from bot.recipes.tune.forward import Forward, divergences, log_probabilities
from bot.recipes.tune.sensitivity import Sweep
from bot.recipes.tune.terms import terms
from bot.recipes.tune.text import halves
from bot.rehearsal.bases import BASES, bases_folder
from tests.recipes.tune.texts import write_text

NAMES = [base.name for base in BASES]
TOKENS = mx.array(np.random.RandomState(3).randint(8, 1000, (2, 24)))


def base_of(name: str, recipe: str = "qx64-hi") -> Base:
    base = Base(bases_folder() / name, name, parse(recipe))
    base.read()
    return base


# ------------------------------------------------------------------ the divergence


class Lookup(nn.Module):  # type: ignore[misc]  # mlx has no types
    """A model that says of each token what a table says."""

    def __init__(self, table: mx.array) -> None:
        super().__init__()
        self.table = table

    def __call__(self, tokens: mx.array) -> mx.array:
        return self.table[tokens]


def kl(base: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By its definition, in float64."""
    p, q = (np.exp(x - x.max(-1, keepdims=True)) for x in (base.astype(float), other.astype(float)))
    p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0)
    return np.asarray(terms.sum(-1))


@pytest.mark.parametrize("noise", [0.0003, 0.05, 3.0])
def test_the_divergence_is_that_of_its_definition(noise: float) -> None:
    """From differences that float32 hardly holds to ones that turn everything round; masked words too."""
    random = np.random.RandomState(1)
    table = (random.randn(200, 300) * 4).astype(np.float32)
    table[:, 17] = -np.inf
    changed = (table + random.randn(200, 300) * noise).astype(np.float32)
    model = Lookup(mx.array(table))
    tokens = np.arange(200).reshape(2, 100)
    forward = Forward(model, mx.array(tokens), "table")
    said = log_probabilities(forward)
    assert not divergences(forward, said).max() > 1e-9
    model.table = mx.array(changed)
    np.testing.assert_allclose(divergences(forward, said), kl(table, changed)[tokens], rtol=0.003)


def test_a_model_that_says_no_numbers_is_refused() -> None:
    """Before anything is measured against it."""
    forward = Forward(Lookup(mx.full((1000, 8), float("nan"))), TOKENS, "someone/Broken")
    with pytest.raises(UnsuitableBase, match=r"^someone/Broken: .* no number: its weights are broken$"):
        log_probabilities(forward)


def test_a_model_that_fails_on_text_gives_one_sentence() -> None:
    """Whatever it raises, and its own words."""

    class Fails(nn.Module):  # type: ignore[misc]  # mlx has no types
        def __call__(self, tokens: mx.array) -> mx.array:
            raise KeyError("pixel_values")

    with pytest.raises(UnsuitableBase, match=r"^someone/Sees: .* fails on plain text here: 'pixel_values'$"):
        log_probabilities(Forward(Fails(), TOKENS, "someone/Sees"))


def test_more_than_memory_holds_is_refused_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it takes, and what to ask for instead; weights too."""
    monkeypatch.setattr(device, "usable_memory", lambda: 1000)
    with pytest.raises(HostError, match=r"2 samples of 24 tokens over 8 words .* fewer --samples"):
        log_probabilities(Forward(Lookup(mx.zeros((1000, 8))), TOKENS, "someone/Large"))
    with pytest.raises(HostError, match="Tiny-Qwen3: to compute with its floats takes"):
        base_of("Tiny-Qwen3")


# ------------------------------------------------------------------ the change


@pytest.mark.parametrize("base", NAMES)
def test_what_is_measured_is_the_quant_that_will_be_made(base: str, tmp_path: Path) -> None:
    """Position by position the divergence of the folder that the quantizer writes, on each architecture."""
    recipe = parse("qx64-hi")
    snapshot = local_snapshot(bases_folder() / base)
    [made] = quantize(
        QuantizeRequest(snapshot=snapshot, recipes=(recipe,), out=str(tmp_path), names=("quant",)),
        lambda _: None,
    ).items
    held = base_of(base)
    said = log_probabilities(Forward(held.model, TOKENS, base))
    held.become(lay(recipe, held.inventory))
    measured = divergences(Forward(held.model, TOKENS, base), said)
    quant = Base(Path(made.path), base, parse("bf16"))
    np.testing.assert_allclose(
        measured, divergences(Forward(quant.model, TOKENS, base), said), rtol=0.02, atol=1e-5
    )
    assert measured.mean() > 1e-4


def test_a_base_is_what_it_was_after_each_change() -> None:
    """Weights are put back; a second layout starts from the floats."""
    base = base_of("Tiny-Qwen3")
    forward = Forward(base.model, TOKENS, base.name)
    said = log_probabilities(forward)
    held = terms(request_for("Tiny-Qwen3"), base.inventory)
    changes = Sweep(base, held, TOKENS, lambda _: None).wanted(held.blocks[0], 2)
    with base.changed(changes):
        assert divergences(forward, said).mean() > 1e-3
    assert divergences(forward, said).max() < 1e-9
    figures = []
    for name in ("q2-hi", "q8-hi", "q2-hi"):
        base.become(lay(parse(name), base.inventory))
        figures.append(divergences(Forward(base.model, TOKENS, base.name), said).mean())
    assert figures[0] == figures[2] > figures[1]


# ------------------------------------------------------------------ what is spared


def request_for(base: str, **other: Any) -> TuneRequest:
    return TuneRequest(
        folder=str(bases_folder() / base),
        base=base,
        identity="",
        like=parse("qx64-hi"),
        name="tuned",
        budget="like",
        **other,
    )


@pytest.mark.parametrize("base", NAMES)
def test_beginning_at_a_layer_changes_no_figure(base: str) -> None:
    """Bit for bit what a whole pass gives, for every block of each architecture."""
    held_base = base_of(base)
    held = terms(request_for(base), held_base.inventory)
    sweep = Sweep(held_base, held, TOKENS, lambda _: None)
    assert sum(step.begin is not None for step in sweep.steps) > len(sweep.steps) / 2
    whole = Forward(held_base.model, TOKENS, base)
    said = log_probabilities(whole)
    partial = Forward(held_base.model, TOKENS, base)
    for step in sweep.steps:
        partial.begin_at(held_base.modules[step.begin] if step.begin else None)
        with held_base.changed(sweep.wanted(step.block, 3)):
            figures = divergences(partial, said)
            np.testing.assert_array_equal(figures, divergences(whole, said))
        assert figures.max() > 0, step.block.name


def test_layers_that_are_called_again_are_seen() -> None:
    """The order of calls as the model makes them, one entry a call."""

    class Twice(nn.Module):  # type: ignore[misc]  # mlx has no types
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(4, 4), nn.Linear(4, 4)]

        def __call__(self, tokens: mx.array) -> mx.array:
            x = mx.ones((*tokens.shape, 4))
            for layer in (*self.layers, *self.layers):
                x = layer(x)
            return x

    model = Twice()
    named = {f"layers.{n}": layer for n, layer in enumerate(model.layers)}
    assert Forward(model, TOKENS, "x").called(named) == ["layers.0", "layers.1"] * 2
    assert {type(layer) for layer in model.layers} == {nn.Linear}


# ------------------------------------------------------------------ the text


def test_both_halves_are_from_the_text_and_share_nothing(tmp_path: Path) -> None:
    """As the seed picks them: the same again for the same seed, others for another."""
    text = str(write_text(tmp_path / "text.txt"))
    ask = request_for("Tiny-Qwen3", text=text, samples=3, length=32)
    first, again = halves(ask), halves(ask)
    other = halves(request_for("Tiny-Qwen3", text=text, samples=3, length=32, seed=7))
    assert first.choosing.shape == first.held_out.shape == (3, 32)
    rows = [tuple(row) for half in (first.choosing, first.held_out) for row in half.tolist()]  # type: ignore[union-attr,arg-type]
    assert len(set(rows)) == 6
    assert mx.array_equal(first.choosing, again.choosing)
    assert not mx.array_equal(first.choosing, other.choosing)
    assert (first.source.source, len(first.source.sha256 or "")) == ("text.txt", 64)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b" \n", "is empty: give some pages"),
        (b"A short text.", "tokens, and 16 x 256 are needed, half of them to judge by: give more text"),
        (b"caf\xe9 " * 9000, "is no UTF-8 text: byte 3"),
    ],
)
def test_text_that_is_none_or_too_little_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    """With what is needed."""
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"^--text: {path} .*{says}"):
        halves(request_for("Tiny-Qwen3", text=str(path)))
