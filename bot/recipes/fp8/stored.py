"""How a quantized release stores its modules, from the safetensors headers alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from bot.recipes.fp8.declared import bare
from bot.records import Record
from bot.safetensors import Tensor

FLOATS = ("F64", "F32", "F16", "BF16")
FP8 = ("F8_E4M3", "F8_E5M2")

_SCALES = (".weight_scale", ".weight_scale_inv", ".scale", ".qscale_weight", "_scale", "_scale_inv")
"""Behind a module's path: compressed-tensors, ModelOpt; DeepSeek; DeepSeek-V4; Mistral; stacked experts."""

_PACKED = ("weight_packed", "qweight", "_weight_qdata")
"""Weights that are no floats: compressed-tensors; AWQ and GPTQ; torchao."""

_STACKS = ("gate_up_proj", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3")
"""Parameters that hold all experts of a layer, with no `.weight` behind them."""

_LAYER = re.compile(r"(?:.*?\.)??(\d+)\.(.+)")
_EXPERT = re.compile(r"(^|\.)experts\.\d+\.")


class Weight(Record, frozen=True, kw_only=True):
    """One module's weight. `kept`: as floats. `tail` is the path behind the `layer`'s number, an expert's
    number left out; without a layer the whole path, its wrappers left out."""

    path: str
    tensor: Tensor
    kept: bool
    layer: int | None
    tail: str


class Place(Record, frozen=True, kw_only=True):
    """What mlx-lm has as one module: one tail in one layer, all its experts; `kept` of them are floats."""

    path: str
    layer: int | None
    tail: str
    dtype: str
    modules: int
    kept: int


def weights(headers: Mapping[str, Tensor]) -> Iterator[Weight]:
    """The weight of every module (norms among them); scales, biases and loose parameters are none."""
    for name, tensor in headers.items():
        parent, _, leaf = name.rpartition(".")
        if leaf == "weight" or leaf in _PACKED:
            path = parent
        elif leaf in _STACKS and "experts" in parent.split(".") and len(tensor.shape) == 3:
            path = name
        else:
            continue
        scaled = any(f"{path}{scale}" in headers for scale in _SCALES)
        kept = tensor.dtype in FLOATS and leaf not in _PACKED and not scaled
        layer, tail = _split(path)
        yield Weight(path=path, tensor=tensor, kept=kept, layer=layer, tail=tail)


def _split(path: str) -> tuple[int | None, str]:
    """The first number in the path is the layer's."""
    found = _LAYER.fullmatch(path)
    if found is None:
        return None, bare(path)
    return int(found[1]), _EXPERT.sub(r"\1experts.", found[2])


def places(of: Iterable[Weight]) -> tuple[Place, ...]:
    """The weights put together by tail and layer, and sorted so."""
    ordered = sorted(of, key=lambda weight: (*_key(weight), weight.path))
    return tuple(_place(tuple(group)) for _, group in groupby(ordered, _key))


def _key(weight: Weight) -> tuple[str, int]:
    return weight.tail, -1 if weight.layer is None else weight.layer


def _place(alike: tuple[Weight, ...]) -> Place:
    first = alike[0]
    return Place(
        path=first.path,
        layer=first.layer,
        tail=first.tail,
        dtype=first.tensor.dtype,
        modules=len(alike),
        kept=sum(weight.kept for weight in alike),
    )
