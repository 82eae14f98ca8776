"""How a quant's tensors are packed, told from their shapes, and how its config.json says they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bot.recipes.layout import FLOATS, Fate, Inventory, Layout, Part, cast, opened, tensors_of
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, WIDTHS
from bot.records import Quantization
from bot.safetensors import Tensor

KINDS = ("weight", "scales", "biases")
"""The tensors of a packed module."""


def packed_paths(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The modules whose weight is packed, in MLX's way or in one that looks like it."""
    paths = (name.removesuffix(".scales") for name in tensors if name.endswith(".scales"))
    return tuple(path for path in paths if f"{path}.weight" in tensors and _words(tensors, path))


def _words(tensors: Mapping[str, Tensor], path: str) -> bool:
    return tensors[f"{path}.weight"].dtype == "U32"


def packing(tensors: Mapping[str, Tensor], path: str, columns: int) -> Quantization | None:
    """How the module at `path`, `columns` wide, is packed; None where it is not, or in no way MLX has.

    The rule is that of `mlx_lm.utils.infer_quant_config`.
    """
    weight, scales = tensors.get(f"{path}.weight"), tensors.get(f"{path}.scales")
    if weight is None or scales is None or weight.dtype != "U32":
        return None
    if not weight.shape or not scales.shape or not scales.shape[-1] or columns < 1:
        return None
    bits, odd = divmod(weight.shape[-1] * 32, columns)
    group_size, uneven = divmod(columns, scales.shape[-1])
    if odd or uneven:
        return None
    if scales.dtype != "U8":
        known = bits in WIDTHS and group_size in GROUP_SIZES
        return Quantization(bits=bits, group_size=group_size) if known else None
    for mode, sizes in FIXED_MODES.items():
        if sizes == (bits, group_size):
            return Quantization(bits=bits, group_size=group_size, mode=mode)  # type: ignore[arg-type]
    return None


def stated(config: Mapping[str, Any], path: str) -> Quantization | None:
    """What config.json says of the module at `path`, as MLX's loaders read it; None: it is not packed.

    A module without an entry, or with the entry true, is packed as the top level says. Raises ValueError
    where that is no quantization.
    """
    quantization = config.get("quantization")
    if quantization is None:
        return None
    if not isinstance(quantization, dict):
        raise ValueError("config.json's quantization is no table")
    entry = quantization.get(path, True)
    if entry is False:
        return None
    try:
        return msgspec.convert(quantization if entry is True else entry, Quantization)
    except msgspec.ValidationError as error:
        raise ValueError(f"config.json's quantization of it is none: {error}") from None


def as_packed(inventory: Inventory, tensors: Mapping[str, Tensor]) -> Layout:
    """The base packed as the quant with these `tensors` packs it: what a quant without a recipe should hold.

    A module that the quant packs in no way that MLX has counts as not packed; one that mlx-lm does not pack
    may be (mlx-vlm packs what a model sees with).
    """
    dtype = FLOATS[inventory.dtype] if inventory.dtype else None
    fates: list[Fate] = []
    all_tensors: dict[str, Tensor] = {}
    parameters = 0
    for part in inventory.parts:
        fate, became = _packed_like(part, tensors, dtype)
        if fate is not None:
            fates.append(fate)
        parameters += fate.parameters if fate else sum(tensor.size for tensor in became.values())
        all_tensors |= became
    return Layout(
        recipe="",
        recipe_hash="",
        default=None,
        fates=tuple(fates),
        tensors=all_tensors,
        parameters=parameters,
        text_only=inventory.text_only,
    )


def _packed_like(
    part: Part, tensors: Mapping[str, Tensor], dtype: str | None
) -> tuple[Fate | None, dict[str, Tensor]]:
    floats = opened(msgspec.structs.replace(part, packs=True))
    weight = floats.tensors.get(f"{part.path}.weight")
    found = packing(tensors, part.path, weight.shape[-1]) if weight and weight.shape else None
    if not part.packs and part.stored is None and found is None:
        return None, cast(part, dtype)
    untouched = part.stored is not None and (found == part.stored or not part.packs)
    became = cast(part, dtype) if untouched else tensors_of(floats, found, dtype)
    fate = Fate(
        path=part.path,
        role="",
        parameters=sum(tensor.size for tensor in floats.tensors.values()),
        quantization=part.stored if untouched else found,
        from_source=untouched,
    )
    return fate, became
