"""A model's layers, brought into memory one at a time from its files.

`mlx_lm.load` leaves every tensor in its file until it is evaluated. A pass over the layers takes such a
model apart: each layer is evaluated when its turn comes (and dequantized, where that is how it is computed),
and given back when the pass goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import mlx.core as mx
import mlx.nn as nn
import mlx_lm
import msgspec
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models.switch_layers import SwitchLinear
from mlx_lm.utils import dequantize_model

from bot.measure import device
from bot.measure.engine.experts import group_experts
from bot.measure.model import compute_in_float32, does_not_load, unwrap_embeddings


class Precision(msgspec.Struct, frozen=True):
    """How weights are computed with: in float32 or in the model's own dtype, packed or dequantized.

    `transposed`: matrices lie in memory column by column, which plain BLAS multiplies faster.
    """

    dtype: Literal["float32", "own"] = "float32"
    weights: Literal["stored", "dequantized"] = "stored"
    transposed: bool = False


def load(folder: Path) -> tuple[nn.Module, Any, dict[str, Any]]:
    """Model, tokenizer and config; no weight is read yet.

    Raises UnsuitableBase for an architecture mlx-lm does not know, VerificationFailed for a broken folder.
    """
    try:
        model, tokenizer, config = mlx_lm.load(str(folder), return_config=True, lazy=True)
    except (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError) as error:
        raise does_not_load(folder, error) from error
    return model, tokenizer, config


def layers(folder: Path, precision: Precision, *, skip: int = 0) -> Iterator[nn.Module]:
    """Each layer in its turn, ready to compute, from number `skip` on; only one is held. Raises as `load`."""
    try:
        model, _ = mlx_lm.utils.load_model(folder, lazy=True)
    except (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError) as error:
        raise does_not_load(folder, error) from error
    waiting = list(reversed(model.layers))[: len(model.layers) - skip]
    del model
    while waiting:
        ready(waiting[-1], precision)
        yield waiting.pop()


def ready(module: nn.Module, precision: Precision) -> None:
    """Bring a part of a model into memory, in place, in the form in which it is computed with."""
    if precision.dtype == "float32":
        compute_in_float32(module)
    if precision.weights == "dequantized":
        _dequantize(module, precision)
    if precision.transposed:
        _transpose(module)
    if device.on_cpu():
        group_experts(module)
    mx.eval(module.parameters())


def _transpose(module: nn.Module) -> None:
    """Lay the matrices out the other way; to everybody who uses them they look as before."""
    for _, part in module.named_modules():
        if type(part) in (nn.Linear, SwitchLinear):
            part.weight = mx.contiguous(part.weight.swapaxes(-1, -2)).swapaxes(-1, -2)


def _dequantize(module: nn.Module, precision: Precision) -> None:
    """The values of the packed weights, unpacked; those with a second scale (nvfp4) stay packed."""
    unwrap_embeddings(module)
    kept = [
        (name, part)
        for name, part in module.named_modules()
        if getattr(part, "global_scale", None) is not None
    ]
    dtype = mx.float32 if precision.dtype == "float32" else own_dtype(module)
    dequantize_model(module)
    if kept:
        module.update_modules(tree_unflatten(kept))
    module.set_dtype(dtype)


def own_dtype(module: nn.Module) -> mx.Dtype:
    """The floating dtype that most of its parameters have; float32 where it has none."""
    sizes: dict[mx.Dtype, int] = {}
    for _, parameter in tree_flatten(module.parameters()):
        if mx.issubdtype(parameter.dtype, mx.floating):
            sizes[parameter.dtype] = sizes.get(parameter.dtype, 0) + parameter.size
    return max(sizes, key=lambda dtype: sizes[dtype], default=mx.float32)


def is_packed(model: nn.Module) -> bool:
    """Whether any of its weights are quantized."""
    return any(hasattr(module, "bits") for _, module in model.named_modules())
