"""Trains the rehearsal bases: `python -m bot.rehearsal.train [--only NAME] [--out DIR]`.

mlx-lm's own model classes, AdamW, a few minutes a base on two cores. The same seed gives the same
base on the same machine. Experts are trained dense (every expert sees every token, the router's
choice is taken afterwards), because MLX has no fast gather on a CPU; the numbers are the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot import blas

blas.load_openblas()

import mlx.core as mx  # noqa: E402  OpenBLAS has to be there before
import mlx.nn as nn  # noqa: E402
import mlx.optimizers as optim  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_lm.models import switch_layers  # noqa: E402
from mlx_lm.utils import _get_classes  # noqa: E402

from bot.rehearsal import export, tokenizer  # noqa: E402
from bot.rehearsal.architectures import ARCHITECTURES, Architecture  # noqa: E402
from bot.rehearsal.bases import bases_folder  # noqa: E402
from bot.rehearsal.batches import Batch, batches  # noqa: E402

SEED = 7
STEPS = 900
PEAK_RATE = 4e-3
WARM_UP_PART = 9
"""The rate rises over the first ninth of the steps, then falls along a cosine."""
WEIGHT_DECAY = 0.01


def dense_experts(self: Any, x: mx.array, indices: mx.array) -> mx.array:
    """`SwitchGLU.__call__` without gathers: x (..., D), indices (..., k) -> (..., k, D)."""
    size = x.shape[-1]
    rows = x.reshape(1, -1, size)

    def project(layer: Any, x: mx.array) -> mx.array:
        y: mx.array = x @ layer.weight.swapaxes(-1, -2)
        return y + layer.bias[:, None] if "bias" in layer else y

    hidden = self.activation(project(self.up_proj, rows), project(self.gate_proj, rows))
    every = project(self.down_proj, hidden).swapaxes(0, 1)
    wanted = mx.expand_dims(indices.reshape(-1, indices.shape[-1]), -1) == mx.arange(every.shape[1])
    chosen = wanted.astype(x.dtype) @ every  # three times faster than take_along_axis and its gradient
    return chosen.reshape(*indices.shape, size)


def build(architecture: Architecture) -> nn.Module:
    """The architecture's mlx-lm model with fresh float32 weights."""
    model_class, args_class = _get_classes(architecture.config)
    model = model_class(args_class.from_dict(architecture.config))
    fresh = []
    for name, value in tree_flatten(model.parameters()):
        if name.endswith("mlp.gate.weight"):  # mlx-lm starts GLM's router at zero, for loading only
            fresh.append((name, mx.random.normal(value.shape) * value.shape[-1] ** -0.5))
    model.load_weights(fresh, strict=False)
    mx.eval(model.parameters())
    return model


def loss_fn(model: nn.Module, ids: mx.array, weights: mx.array) -> mx.array:
    """Mean cross-entropy in nats over the targets, each counted by its weight."""
    logits = model(ids[:, :-1])
    losses: mx.array = nn.losses.cross_entropy(logits, ids[:, 1:])
    counted = weights[:, 1:]
    return (losses * counted).sum() / counted.sum()


def train(architecture: Architecture, steps: int = STEPS) -> tuple[nn.Module, Any]:
    """(trained model in float32, its tokenizer)."""
    mx.random.seed(SEED)
    words = tokenizer.train(architecture)
    renderer = tokenizer.Renderer(architecture, words)
    model = build(architecture)
    rise = max(1, steps // WARM_UP_PART)
    rate = optim.join_schedules(
        [optim.linear_schedule(0.0, PEAK_RATE, rise), optim.cosine_decay(PEAK_RATE, max(1, steps - rise))],
        [rise],
    )
    optimizer = optim.AdamW(rate, betas=[0.9, 0.98], weight_decay=WEIGHT_DECAY)
    _fit(model, optimizer, batches(renderer, SEED, architecture.batch_tokens), steps, architecture.name)
    return model, words


def _fit(model: nn.Module, optimizer: Any, data: Iterator[Batch], steps: int, name: str) -> None:
    step_fn = nn.value_and_grad(model, loss_fn)
    began, recent = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        ids, weights = next(data)
        loss, grads = step_fn(model, mx.array(ids), mx.array(weights))
        grads, _ = optim.clip_grad_norm(grads, 1.0)
        optimizer.update(model, grads)
        mx.eval(model.parameters(), optimizer.state, loss)
        recent = loss.item() if step == 1 else 0.98 * recent + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"{name} {step}/{steps} loss {recent:.3f} {time.monotonic() - began:.0f}s", flush=True)  # noqa: T201


def main(arguments: list[str] | None = None) -> None:
    """Train and write the bases that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bot.rehearsal.train", description=__doc__)
    parser.add_argument("--only", choices=[a.name for a in ARCHITECTURES], help="train this base only")
    parser.add_argument("--out", type=Path, default=bases_folder(), help="where the folders are written")
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args(arguments)
    switch_layers.SwitchGLU.__call__ = dense_experts
    for architecture in ARCHITECTURES:
        if asked.only in (None, architecture.name):
            model, words = train(architecture, asked.steps)
            export.write(asked.out / architecture.name, architecture, model, words)


if __name__ == "__main__":
    main()
