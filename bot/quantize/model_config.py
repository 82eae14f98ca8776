"""What config.json becomes, and which files a quant carries over from its base. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from bot.fetch.select import INDEX
from bot.records import Recipe, RepoFile

SENSE_KEYS = (
    "vision_config", "audio_config", "image_token_id", "video_token_id", "audio_token_id",
    "image_token_index", "video_token_index", "vision_start_token_id",
    "vision_end_token_id", "vision_feature_layer",
    "vision_feature_select_strategy",
)  # fmt: skip
"""What a config says of sight and hearing; gone where mlx-lm's model has neither."""

SENSE_FILES = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")
REPLACED = ("config.json", INDEX, "hf_quant_config.json")


def quant_config(
    config: dict[str, Any], quantization: dict[str, Any], recipe: Recipe, *, text_only: bool
) -> dict[str, Any]:
    """The quant's config: the base's, with what its tensors are (or no word of quantization).

    Both `quantization` (mlx-lm reads it) and `quantization_config` (the Hub does) hold the same.
    """
    dropped = {"_name_or_path", "quantization", "quantization_config", "auto_map"}
    dropped |= set(SENSE_KEYS) if text_only else set()
    kept = {key: value for key, value in config.items() if key not in dropped}
    if quantization:
        kept |= {"quantization": quantization, "quantization_config": quantization}
    if isinstance(kept.get("text_config"), dict):
        kept["text_config"] = {k: v for k, v in kept["text_config"].items() if k != "quantization_config"}
    if recipe.dtype is not None:
        kept["dtype" if "dtype" in kept else "torch_dtype"] = recipe.dtype
    return dict(sorted(kept.items()))


def config_text(config: dict[str, Any]) -> str:
    """As mlx-lm writes it: sorted, four spaces, non-finite numbers in transformers' tagged form."""
    return json.dumps(_tagged(config), indent=4)


def _tagged(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"__float__": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    return value


def carried_over(files: Iterable[RepoFile], *, text_only: bool) -> tuple[RepoFile, ...]:
    """The base's files that the quant holds unchanged: tokenizer, templates, license."""
    left_out = (*REPLACED, *(SENSE_FILES if text_only else ()))
    return tuple(
        file
        for file in files
        if file.path not in left_out and not file.path.endswith((".safetensors", ".py", "index.json"))
    )
