"""What a base sees with, kept in the quant although mlx-lm's model of it is text only.

mlx-vlm loads what stands here under its own names and in its own layouts. Both matter: up to 0.6.3 it
takes tensors of `format: mlx` as they are, since 0.6.4 it runs its `sanitize` over them, which must then
change nothing (Blaizzy/mlx-vlm#1718). mlx-lm drops the same names when it loads, so the tensors may stand
in the same shards; mlx-vlm reads the files that the index names.

The tower stays a float: mlx-vlm quantizes only modules that config.json's `quantization` names or that
have `.scales`. An architecture is listed in TOWERS when mlx-lm 0.32.2 and mlx-vlm 0.7.10 store its
language part under the same names and shapes and answer alike; tests/recipes/test_senses.py holds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx

from bot.records import Record
from bot.safetensors import Tensor

FLOATS = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
STORED = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}


class Tower(Record, frozen=True, kw_only=True):
    """The senses of one architecture.

    `names`: how a tensor's name starts in the base -> how it starts in mlx-vlm. `patches` is the tensor,
    by its name in mlx-vlm, that makes vectors of pieces of a picture; it has `patch_axes` axes in the
    base. `text_types`: the text models that mlx-lm and mlx-vlm store alike; empty where there is only one.
    """

    names: dict[str, str]
    patches: str
    patch_axes: int
    text_types: tuple[str, ...] = ()

    def name_of(self, source: str) -> str | None:
        """What mlx-vlm calls the base's tensor `source`; None when it is no part of the senses."""
        start = next((start for start in self.names if source.startswith(start)), None)
        return None if start is None else self.names[start] + source.removeprefix(start)


_QWEN2 = Tower(
    names={"visual.": "vision_tower.", "model.visual.": "vision_tower."},
    patches="vision_tower.patch_embed.proj.weight",
    patch_axes=5,  # out, colors, time, height, width
)
_QWEN3 = Tower(
    names={"model.visual.": "vision_tower."},
    patches="vision_tower.patch_embed.proj.weight",
    patch_axes=5,
)
_MISTRAL3 = Tower(
    names={
        "vision_tower.": "vision_tower.vision_model.",
        "model.vision_tower.": "vision_tower.vision_model.",
        "multi_modal_projector.": "multi_modal_projector.",
        "model.multi_modal_projector.": "multi_modal_projector.",
    },
    patches="vision_tower.vision_model.patch_conv.weight",
    patch_axes=4,  # out, colors, height, width
    text_types=("mistral", "ministral3"),  # mistral4's attention is split differently in the two
)
_LLAMA4 = Tower(
    names={"vision_model.": "vision_model.", "multi_modal_projector.": "multi_modal_projector."},
    patches="vision_model.patch_embedding.linear.weight",
    patch_axes=2,
)

TOWERS = {
    "qwen2_vl": _QWEN2,
    "qwen2_5_vl": _QWEN2,
    "qwen3_vl": _QWEN3,
    "qwen3_vl_moe": _QWEN3,
    "qwen3_5": _QWEN3,
    "qwen3_5_moe": _QWEN3,
    "mistral3": _MISTRAL3,
    "llama4": _LLAMA4,
}
"""By model_type. Whatever is not here becomes a text-only quant."""


class Sense(Record, frozen=True, kw_only=True):
    """One tensor of the senses: its name in the base, its dtype and shape in the quant.

    `channels_last`: PyTorch's convolutions have the channels second, MLX's have them last.
    """

    source: str
    tensor: Tensor
    channels_last: bool = False


def kept(config: dict[str, Any], base: Mapping[str, Tensor], dtype: str | None = None) -> dict[str, Sense]:
    """The senses of a base, by their names in the quant, from its config and safetensors headers alone.

    `dtype` (`bfloat16`, …) is what the quant's other floats are cast to; None leaves each as it is. Empty
    means text only: the architecture is not in TOWERS, or this base holds no tower that is sure to load
    (none at all, one that is quantized, one whose patch tensor is missing or of another kind).
    """
    tower = _tower(config)
    if tower is None:
        return {}
    found = [(name, source) for source in base if (name := tower.name_of(source)) is not None]
    senses = {name: _sense(tower, name, source, base[source], dtype) for name, source in sorted(found)}
    patches = senses.get(tower.patches)
    whole = (
        patches is not None
        and len(patches.tensor.shape) == tower.patch_axes
        and len(senses) == len(found)  # no two tensors want one name
        and all(base[source].dtype in FLOATS for _, source in found)
    )
    return senses if whole else {}


def _tower(config: dict[str, Any]) -> Tower | None:
    """The tower of this config's architecture; None where mlx-vlm could not build it."""
    tower = TOWERS.get(str(config.get("model_type")))
    text = config.get("text_config")
    text_type = text.get("model_type") if isinstance(text, dict) else None
    if tower is None or not isinstance(config.get("vision_config"), dict):
        return None
    return tower if not tower.text_types or text_type in tower.text_types else None


def _sense(tower: Tower, name: str, source: str, tensor: Tensor, dtype: str | None) -> Sense:
    shape = tensor.shape
    channels_last = name == tower.patches and len(shape) > 2
    if channels_last:
        shape = (shape[0], *shape[2:], shape[1])
    stored = STORED[dtype] if dtype else tensor.dtype
    return Sense(source=source, tensor=Tensor(dtype=stored, shape=shape), channels_last=channels_last)


def arranged(sense: Sense, value: mx.array) -> mx.array:
    """The base's `value` as the quant stores it: channels last, cast. Lazy; nothing is evaluated."""
    moved = mx.moveaxis(value, 1, -1) if sense.channels_last else value
    return moved.astype(FLOATS[sense.tensor.dtype])
