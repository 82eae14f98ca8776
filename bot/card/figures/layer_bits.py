"""What a finished quant has in each layer, read off its config.json and its safetensors headers.

Pure but for `of_folder`; the weights themselves are not read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.card.figures import MOST_LAYERS, BitsCell, BitsRow, LayerBits
from bot.records import Record
from bot.safetensors import DTYPE_BITS, HeaderError, Tensor, read_header

MOST_ROWS = 10
"""Rows of a picture that is still read; where more would be needed, each role becomes one row."""

NARROWEST = 32
"""Columns. No group size fits fewer, so a narrower float (a convolution's kernel) was never to be packed."""

_PLACE = re.compile(r"^(?P<stack>.*?)\.?(?<![^.])(?P<layer>\d+)\.(?P<rest>.+)$")

_ROLES = (
    ("router", re.compile(r"(^|[._])(gate|router)(\.(wg|layer|proj|classifier))?$")),
    ("shared experts", re.compile(r"(^|\.)shared_(experts?|mlp)(\.|$)")),
    ("linear attention", re.compile(r"linear_attn|mamba|mixer|ssm|delta")),
    ("attention", re.compile(r"attn|attention")),
    ("convolution", re.compile(r"(^|\.)(short_)?conv")),
    ("experts", re.compile(r"experts|switch_|block_sparse_moe")),
    ("MLP", re.compile(r"mlp|feed_forward|ffn|w[123]$|(gate|up|down)_proj$")),
    ("other", re.compile("")),
)
"""The first that is found in a module's path inside its layer names it; the order is that of their rows
but for the router, which has to be asked first."""

_OUTSIDE = (
    ("vision", re.compile(r"vision|visual|image")),
    ("audio", re.compile(r"audio|speech")),
    ("head", re.compile(r"(^|\.)(lm_head|embed_out|output)$")),
    ("embeddings", re.compile(r"(^|\.)(embed\w*|wte|\w+_embeddings?)$")),
    ("other", re.compile("")),
)
_ROW_ORDER = ("attention", "linear attention", "convolution", "MLP", "experts", "shared experts", "router")


class Module(Record, frozen=True, kw_only=True):
    """One weight matrix: where it is, how it is stored. `layer` is None outside the layers."""

    path: str
    role: str
    leaf: str
    layer: int | None
    bits: int
    parameters: int
    packing: str


def of_folder(folder: Path) -> LayerBits | None:
    """The layers of the quant in `folder`; None where they cannot be read.

    That is a picture less and no reason to stop: what is wrong with the files, the checks say.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        tensors: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            tensors |= read_header(path)
        return layer_bits(config, tensors)
    except (OSError, HeaderError, ValueError, RecursionError):
        return None


def layer_bits(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> LayerBits | None:
    """What each layer has, from config.json and all safetensors headers; None for a model without layers."""
    found = _modules(config, tensors)
    layers = 1 + max((m.layer for m in found if m.layer is not None), default=-1)
    if not 0 < layers <= MOST_LAYERS:
        return None
    total = sum(m.parameters for m in found)
    inside = [m for m in found if m.layer is not None]
    rows = tuple(_rows(inside, layers, total))
    if len(rows) > MOST_ROWS:
        rows = tuple(_one_row_a_role(inside, layers, total))
    return LayerBits(
        layers=layers,
        rows=rows,
        outside=tuple(_cells([m for m in found if m.layer is None], total)),
        formats=tuple(dict.fromkeys(m.packing for m in found if m.packing)),
    )


def _modules(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> tuple[Module, ...]:
    """Every weight that was or could have been packed. The layers are those of the largest stack."""
    said = config.get("quantization")
    quantization: Mapping[str, Any] = said if isinstance(said, dict) else {}
    weights = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    stored = [(path, how) for path in weights if (how := _stored(path, quantization, tensors))]
    sizes: dict[str, int] = {}
    for path, (_, parameters, _) in stored:
        if placed := _PLACE.match(path):
            sizes[placed["stack"]] = sizes.get(placed["stack"], 0) + parameters
    main = max(sizes, key=lambda stack: sizes[stack], default=None)
    return tuple(_module(path, how, main) for path, how in stored)


def _module(path: str, how: tuple[int, int, str], main: str | None) -> Module:
    placed = _PLACE.match(path)
    inside = placed is not None and placed["stack"] == main
    rest = placed["rest"] if placed and inside else path
    roles = _ROLES if inside else _OUTSIDE
    return Module(
        path=path,
        role=next(name for name, pattern in roles if pattern.search(rest)),
        leaf=rest.rpartition(".")[2].removesuffix("_proj"),
        layer=int(placed["layer"]) if placed and inside else None,
        bits=how[0],
        parameters=how[1],
        packing=how[2],
    )


def _stored(
    path: str, quantization: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> tuple[int, int, str] | None:
    """Bits, parameters and packing (empty: a float) of a weight; None for what is no packable matrix."""
    weight = tensors[f"{path}.weight"]
    if f"{path}.scales" not in tensors:
        packable = len(weight.shape) > 1 and weight.shape[-1] >= NARROWEST
        return (DTYPE_BITS[weight.dtype], weight.size, "") if packable else None
    own = quantization.get(path)
    how = own if isinstance(own, dict) else quantization
    bits = how.get("bits")
    if not isinstance(bits, int) or not 0 < bits <= 8 or not weight.shape:
        return None
    mode, group = how.get("mode", "affine"), how.get("group_size")
    packing = f"groups of {group}" if mode == "affine" else str(mode)
    return bits, math.prod(weight.shape[:-1]) * (weight.shape[-1] * 32 // bits), packing


def _rows(inside: list[Module], layers: int, total: int) -> Iterator[BitsRow]:
    """A row a role; several where modules of one role have different widths in the same layer."""
    for role, modules in _by(inside, lambda m: m.role, _ROW_ORDER):
        groups: list[tuple[dict[int, int], list[Module]]] = []
        for _, alike in _by(modules, lambda m: m.leaf):
            here = {m.layer: m.bits for m in alike if m.layer is not None}
            taken = next((g for g in groups if all(g[0].get(n, b) == b for n, b in here.items())), None)
            if taken is None or any(m.bits != here[m.layer or 0] for m in alike):
                groups.append((here, list(alike)))
            else:
                taken[0].update(here)
                taken[1].extend(alike)
        for _, alike in groups:
            leaves = ", ".join(dict.fromkeys(m.leaf for m in alike))
            yield _row(role if len(groups) == 1 else f"{role}: {leaves}", alike, layers, total)


def _one_row_a_role(inside: list[Module], layers: int, total: int) -> Iterator[BitsRow]:
    for role, modules in _by(inside, lambda m: m.role, _ROW_ORDER):
        yield _row(role, modules, layers, total)


def _row(name: str, modules: Iterable[Module], layers: int, total: int) -> BitsRow:
    known = list(modules)
    at = [[m for m in known if m.layer == layer] for layer in range(layers)]
    return BitsRow(
        name=name,
        bits=tuple(_mean(here) if here else None for here in at),
        share=sum(m.parameters for m in known) / total,
    )


def _cells(outside: list[Module], total: int) -> Iterator[BitsCell]:
    """Embeddings first, as the model has them; where nothing else is the head, they are."""
    tied = not any(m.role == "head" for m in outside)
    for role, modules in _by(outside, lambda m: m.role, ("embeddings", "vision", "audio", "other", "head")):
        share = sum(m.parameters for m in modules) / total
        name = "embeddings and head" if tied and role == "embeddings" else role
        yield BitsCell(name=name, bits=_mean(modules), share=share)


def _mean(modules: list[Module]) -> float:
    """Bits a weight, weighted by parameters."""
    weights = sum(m.parameters for m in modules)
    return round(sum(m.bits * m.parameters for m in modules) / weights, 2) if weights else 0.0


def _by(modules: list[Module], key: Any, order: tuple[str, ...] = ()) -> list[tuple[str, list[Module]]]:
    """Modules by what `key` gives, those named in `order` first, the others as they come."""
    found: dict[str, list[Module]] = {}
    for module in modules:
        found.setdefault(key(module), []).append(module)
    return sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
