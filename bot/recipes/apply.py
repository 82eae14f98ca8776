"""A recipe laid on a model: what becomes of each module, and what that weighs.

The same code runs on a model without weights (the prediction) and on the base itself (the quants), so
that both agree to the byte. Nothing is evaluated here.
"""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm import utils as mlx_lm_utils

from bot import safetensors
from bot.errors import UnsuitableBase
from bot.recipes.architecture import cast, is_tied, leaf_modules, loses_senses, target_dtype
from bot.recipes.recipe import Recipe, decide, layer_of, rule_for
from bot.records import Quantization, Record
from bot.safetensors import Tensor

DTYPE_NAMES = {
    mx.float32: "F32", mx.float16: "F16", mx.bfloat16: "BF16", mx.uint32: "U32", mx.uint8: "U8",
    mx.int8: "I8", mx.uint16: "U16", mx.int16: "I16", mx.int32: "I32", mx.uint64: "U64",
    mx.int64: "I64", mx.bool_: "BOOL", mx.complex64: "C64",
}  # fmt: skip


TEXT_ONLY = "text only: mlx-lm's model of this architecture leaves out what the base sees or hears with"


class Fate(Record, frozen=True, kw_only=True):
    """What becomes of one module that could be quantized. `quantization` None: it stays a float."""

    path: str
    role: str
    parameters: int
    quantization: Quantization | None
    from_source: bool = False
    note: str = ""


class Layout(Record, frozen=True, kw_only=True):
    """A recipe's result on one base: every module's fate, every tensor's dtype and shape in file order."""

    recipe: str
    recipe_hash: str
    default: Quantization | None
    fates: tuple[Fate, ...]
    tensors: dict[str, Tensor]
    parameters: int
    text_only: bool = False

    @property
    def bytes(self) -> int:
        """Of all safetensors files together, headers included."""
        return safetensors.files_bytes(safetensors.shards(self.tensors))

    @property
    def bits_per_weight(self) -> float:
        """Stored bits of all tensors over the number of parameters, as mlx-lm counts them."""
        return sum(tensor.nbytes for tensor in self.tensors.values()) * 8 / self.parameters

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know: modules that could not have the recipe's word."""
        texts = [fate.note for fate in self.fates if fate.note]
        counts = {text: texts.count(text) for text in texts}
        said = tuple(f"{text} ({n} {'module' if n == 1 else 'modules'})" for text, n in counts.items())
        return (*said, TEXT_ONLY) if self.text_only else said

    @property
    def quantization(self) -> dict[str, Any]:
        """config.json's `quantization`: the recipe's default, then every quantized module by its path."""
        quantized = {fate.path: _parameters(fate.quantization) for fate in self.fates if fate.quantization}
        first = next((q for q in (self.default, *(f.quantization for f in self.fates)) if q), None)
        return {**_parameters(first), **quantized} if first and quantized else {}


def _parameters(quantization: Quantization) -> dict[str, Any]:
    return {
        "group_size": quantization.group_size,
        "bits": quantization.bits,
        "mode": quantization.mode,
    }


def apply(recipe: Recipe, model: nn.Module, config: dict[str, Any], base: str) -> Layout:
    """Quantize `model` in place (lazily) as the recipe says, cast the rest, and describe the result.

    Raises UnsuitableBase where a required rule (attention) matches nothing in this model.
    """
    if recipe.requantize:
        mlx_lm_utils.dequantize_model(model)
    cast(model, recipe.dtype or target_dtype(config))
    fates = _fates(recipe, model, config, base)
    wanted = {fate.path: fate.quantization for fate in fates if fate.quantization and not fate.from_source}

    def predicate(path: str, _: nn.Module) -> dict[str, Any] | bool:
        return _parameters(wanted[path]) if path in wanted else False

    nn.quantize(model, class_predicate=predicate)
    parameters = dict(tree_flatten(model.parameters()))
    return Layout(
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        default=recipe.default,
        fates=fates,
        tensors={name: _tensor(value) for name, value in parameters.items()},
        text_only=loses_senses(model, config),
        parameters=_count(parameters, {f.path: f.quantization for f in fates if f.quantization}),
    )


def _tensor(value: mx.array) -> Tensor:
    return Tensor(dtype=DTYPE_NAMES[value.dtype], shape=tuple(value.shape))


def _count(tensors: dict[str, mx.array], quantized: dict[str, Quantization]) -> int:
    """Parameters of the model: packed weights count as the weights they hold, scales and biases not."""
    total = 0
    for name, value in tensors.items():
        path, _, kind = name.rpartition(".")
        if path not in quantized:
            total += value.size
        elif kind == "weight":
            total += value.size * 32 // quantized[path].bits
        elif kind not in ("scales", "biases", "global_scale"):
            total += value.size
    return total


def _fates(recipe: Recipe, model: nn.Module, config: dict[str, Any], base: str) -> tuple[Fate, ...]:
    modules = [
        (path, module)
        for path, module in leaf_modules(model)
        if hasattr(module, "to_quantized") or _stored(module) is not None
    ]
    layers = [layer for path, _ in modules if (layer := layer_of(path)) is not None]
    n_layers, tied = max(layers, default=-1) + 1, is_tied(model)
    fates = tuple(_fate(recipe, path, module, n_layers, tied) for path, module in modules)
    for role in dict.fromkeys(rule.role for rule in recipe.rules if rule.required):
        if not any(fate.role == role for fate in fates):
            raise UnsuitableBase(
                f"{base}: recipe {recipe.name} finds no {role} in the architecture "
                f"{config.get('model_type')!r}: take a uniform recipe (q8-hi, q6-hi, mxfp4)"
            )
    return fates


def _fate(recipe: Recipe, path: str, module: nn.Module, n_layers: int, tied: bool) -> Fate:
    layer, stored = layer_of(path), _stored(module)
    rule = rule_for(recipe, path, layer, n_layers, tied=tied)
    role = rule.role if rule else "kept"
    if stored is not None:
        size = module.weight.size * 32 // stored.bits
        note = f"kept as the source stores them ({stored.mode}, {stored.bits} bits)"
        return Fate(path=path, role=role, parameters=size, quantization=stored, from_source=True, note=note)
    in_dims = module.weight.shape[-1]
    wanted = rule.gives(layer, n_layers) if rule else None
    given = decide(recipe, path, layer, n_layers, in_dims, tied=tied)
    note = ""
    if wanted and given is None:
        note = f"kept as floats: {in_dims} columns are no multiple of any group size"
    elif wanted and given and given != wanted:
        note = f"group size {given.group_size}: {wanted.group_size} does not divide {in_dims} columns"
    return Fate(
        path=path, role=role, parameters=math.prod(module.weight.shape), quantization=given, note=note
    )


def _stored(module: nn.Module) -> Quantization | None:
    """How the source stores this module, when it brought it quantized."""
    if not hasattr(module, "bits") or "scales" not in module:
        return None
    return Quantization(
        bits=module.bits, group_size=module.group_size, mode=getattr(module, "mode", "affine")
    )
