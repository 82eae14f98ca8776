"""A recipe laid on a base: what becomes of each module, and what that weighs. Pure: no MLX, no files.

`Inventory` says what a base holds once mlx-lm's model code has named and shaped it; `lay` decides. The
prediction before a download, the quantizer and the conformance check all ask the same function.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot import safetensors
from bot.errors import UnsuitableBase
from bot.recipes import Prediction
from bot.recipes.recipe import decide, layer_of, placed, rule_for
from bot.records import Quantization, Recipe, Record
from bot.safetensors import Tensor

TEXT_ONLY = "text only: mlx-lm's model of this architecture leaves out what the base sees or hears with"

FLOATS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""mlx-lm's names of the float types and those of safetensors."""


class Part(Record, frozen=True, kw_only=True):
    """A module whose weight can be packed (`packs`) or is already (`stored`), or else one lone tensor.

    `tensors` by full name (`model.layers.0.self_attn.q_proj.weight`), as mlx-lm loads them; those in
    `exact` are never cast. `path` is the module's.
    """

    path: str
    tensors: dict[str, Tensor]
    packs: bool = False
    stored: Quantization | None = None
    exact: list[str] = msgspec.field(default_factory=list)


class Inventory(Record, frozen=True, kw_only=True):
    """What a base holds, in file order. `dtype` is what `mlx_lm.convert` casts floats to, None: nothing.

    `tied`: the embeddings are the head. `text_only`: the base sees or hears, and what it does so with is
    not among the parts. `notes` say what is uncertain.
    """

    base: str
    model_type: str
    parts: tuple[Part, ...]
    dtype: str | None = None
    tied: bool = False
    text_only: bool = False
    notes: tuple[str, ...] = ()

    @property
    def n_layers(self) -> int:
        layers = [layer_of(part.path) for part in self.parts if part.packs or part.stored]
        return max((layer for layer in layers if layer is not None), default=-1) + 1


class Fate(Record, frozen=True, kw_only=True):
    """What becomes of one module that could be quantized. `quantization` None: it stays a float.

    `bytes` counts all its tensors, `parameters` its weights and biases.
    """

    path: str
    role: str
    parameters: int
    quantization: Quantization | None
    bytes: int = 0
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
    about_base: tuple[str, ...] = ()

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
        return (*self.about_base, *said, *((TEXT_ONLY,) if self.text_only else ()))

    @property
    def quantization(self) -> dict[str, Any]:
        """config.json's `quantization`: the recipe's default, then every quantized module by its path."""
        quantized = {fate.path: in_config(fate.quantization) for fate in self.fates if fate.quantization}
        first = next((q for q in (self.default, *(f.quantization for f in self.fates)) if q), None)
        return {**in_config(first), **quantized} if first and quantized else {}


def in_config(quantization: Quantization) -> dict[str, Any]:
    """As config.json spells it, and as MLX's functions take it."""
    return {
        "group_size": quantization.group_size,
        "bits": quantization.bits,
        "mode": quantization.mode,
    }


def lay(recipe: Recipe, inventory: Inventory) -> Layout:
    """What `recipe` makes of the base. Raises UnsuitableBase where a required rule matches nothing in it."""
    n_layers = inventory.n_layers
    here = placed(recipe, [part.path for part in inventory.parts if part.packs or part.stored])
    fates: list[Fate] = []
    tensors: dict[str, Tensor] = {}
    parameters = 0
    for held in inventory.parts:
        part = opened(held) if recipe.requantize else held
        if not part.packs and part.stored is None:
            kept = cast(part, float_type(recipe, inventory))
            tensors |= kept
            parameters += sum(tensor.size for tensor in kept.values())
            continue
        fate = _fate(here, part, n_layers, inventory.tied)
        became = tensors_of(part, fate.quantization, float_type(recipe, inventory))
        fates.append(msgspec.structs.replace(fate, bytes=sum(t.nbytes for t in became.values())))
        tensors |= became
        parameters += fate.parameters
    _require(recipe, inventory, fates)
    return Layout(
        recipe=recipe.name,
        recipe_hash=recipe.hash,
        default=recipe.default,
        fates=tuple(fates),
        tensors=tensors,
        parameters=parameters,
        text_only=inventory.text_only,
        about_base=inventory.notes,
    )


def float_type(recipe: Recipe, inventory: Inventory) -> str | None:
    """safetensors' name of what floats are cast to, or None: they stay as they are."""
    dtype = recipe.dtype or inventory.dtype
    return FLOATS[dtype] if dtype else None


def _require(recipe: Recipe, inventory: Inventory, fates: list[Fate]) -> None:
    found = {fate.role for fate in fates}
    for rule in recipe.rules:
        if rule.required and rule.role not in found:
            raise UnsuitableBase(
                f"{inventory.base}: recipe {recipe.name} finds no {rule.role} in the architecture "
                f"{inventory.model_type!r}: take a uniform recipe (q8-hi, q6-hi, mxfp4)"
            )


def _fate(recipe: Recipe, part: Part, n_layers: int, tied: bool) -> Fate:
    path, weight = part.path, part.tensors[f"{part.path}.weight"]
    layer = layer_of(path)
    rule = rule_for(recipe, path, layer, n_layers, tied=tied)
    role = rule.role if rule else "kept"
    size = sum(tensor.size for tensor in _unpacked(part).values())
    if part.stored is not None:
        note = f"kept as the source stores them ({part.stored.mode}, {part.stored.bits} bits)"
        return Fate(
            path=path, role=role, parameters=size, quantization=part.stored, from_source=True, note=note
        )
    in_dims = weight.shape[-1]
    wanted = rule.gives(layer, n_layers) if rule else None
    given = decide(recipe, path, layer, n_layers, in_dims, tied=tied)
    note = ""
    if wanted and given is None:
        note = f"kept as floats: {in_dims} columns are no multiple of any group size"
    elif wanted and given and given != wanted:
        note = f"group size {given.group_size}: {wanted.group_size} does not divide {in_dims} columns"
    return Fate(path=path, role=role, parameters=size, quantization=given, note=note)


def opened(part: Part) -> Part:
    """The part as mlx-lm dequantizes it: affine to the type of its scales, the other modes to bfloat16."""
    if part.stored is None or not part.packs:
        return part
    dtype = part.tensors[f"{part.path}.scales"].dtype if part.stored.mode == "affine" else "BF16"
    tensors = _unpacked(part)
    weight = f"{part.path}.weight"
    tensors[weight] = msgspec.structs.replace(tensors[weight], dtype=dtype)
    return msgspec.structs.replace(part, tensors=tensors, stored=None)


def _unpacked(part: Part) -> dict[str, Tensor]:
    """The part's parameters: packed weights as the weights they hold; scales and biases are none."""
    if part.stored is None:
        return part.tensors
    held = {}
    for name, tensor in part.tensors.items():
        kind = name.rpartition(".")[2]
        if kind == "weight":
            columns = tensor.shape[-1] * 32 // part.stored.bits
            held[name] = msgspec.structs.replace(tensor, shape=(*tensor.shape[:-1], columns))
        elif kind not in ("scales", "biases", "global_scale"):
            held[name] = tensor
    return held


def cast(part: Part, dtype: str | None) -> dict[str, Tensor]:
    """The part's tensors with its floats cast to `dtype` (safetensors' name), but for its exact ones."""
    return {
        name: msgspec.structs.replace(tensor, dtype=dtype)
        if dtype and tensor.dtype in FLOATS.values() and name not in part.exact
        else tensor
        for name, tensor in part.tensors.items()
    }


def tensors_of(part: Part, quantization: Quantization | None, dtype: str | None) -> dict[str, Tensor]:
    """What the part becomes: cast, and its weight packed where `quantization` is given and not stored yet."""
    tensors = cast(part, dtype)
    if quantization is None or part.stored is not None:
        return tensors
    weight = tensors.pop(f"{part.path}.weight")
    packed_tensors = packed(weight, quantization)
    return {**{f"{part.path}.{kind}": tensor for kind, tensor in packed_tensors.items()}, **tensors}


def packed(weight: Tensor, quantization: Quantization) -> dict[str, Tensor]:
    """What `mx.quantize` makes of a weight of shape [..., columns], by kind.

    `weight` holds 32 columns in `bits` words; `scales` one value a group, in the weight's type
    for affine (which has `biases` too), a byte for the microscaling formats.
    """
    *rows, columns = weight.shape
    groups = (*rows, columns // quantization.group_size)
    words = Tensor(dtype="U32", shape=(*rows, columns * quantization.bits // 32))
    if quantization.mode != "affine":
        return {"weight": words, "scales": Tensor(dtype="U8", shape=groups)}
    scales = Tensor(dtype=weight.dtype, shape=groups)
    return {"weight": words, "scales": scales, "biases": scales}


def prediction(recipe: Recipe, inventory: Inventory) -> Prediction:
    """What the recipe weighs on this base. Raises UnsuitableBase as `lay` does."""
    layout = lay(recipe, inventory)
    return Prediction(
        recipe=recipe,
        bytes=layout.bytes,
        bits_per_weight=layout.bits_per_weight,
        parameters=layout.parameters,
        notes=layout.notes,
    )
