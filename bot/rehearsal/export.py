"""A trained model as the folder its real family would have on the Hub.

`to_hub_names` is the inverse of mlx-lm's `sanitize`: experts one by one (or fused, or in MXFP4
blocks), names as transformers writes them. What mlx-lm drops when it loads is here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from bot.rehearsal import base_card
from bot.rehearsal.architectures import HIDDEN, POSITIONS, Architecture

Tensors = dict[str, mx.array]
FLOAT32_NAMES = ("expert_bias", "e_score_correction_bias")
MXFP4_BLOCK = 32
PAD_TOKEN = "<|endoftext|>"  # noqa: S105  every family has it


def write(folder: Path, architecture: Architecture, model: nn.Module, tokenizer: Any) -> None:
    """Write weights, configs, tokenizer, chat template, license and card of one base into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = to_hub_names(architecture, dict(tree_flatten(model.parameters())))
    mx.save_safetensors(str(folder / "model.safetensors"), tensors, {"format": "pt"})
    write_side_files(folder, architecture, tokenizer)


def write_side_files(folder: Path, architecture: Architecture, tokenizer: Any) -> None:
    """Everything but the weights; also to bring a trained base up to date without training it again."""
    tokens = {"bos_token_id": architecture.bos_token, "pad_token_id": PAD_TOKEN}
    ids = {key: tokenizer.token_to_id(token) for key, token in tokens.items() if token is not None}
    ids["eos_token_id"] = [tokenizer.token_to_id(token) for token in architecture.end_tokens]
    files: dict[str, Any] = {
        "config.json": _config(architecture, ids),
        "generation_config.json": {"do_sample": False, **ids},
        "tokenizer_config.json": _tokenizer_config(architecture),
    }
    if "vision_config" in architecture.config:
        files["preprocessor_config.json"] = _preprocessor(architecture.config["vision_config"])
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "chat_template.jinja").write_text(architecture.template)
    (folder / "LICENSE").write_text(base_card.LICENSE)
    (folder / "README.md").write_text(base_card.readme(architecture))


def _config(architecture: Architecture, ids: dict[str, Any]) -> dict[str, Any]:
    config = architecture.config | ids
    if "text_config" in config:
        config["text_config"] = config["text_config"] | ids
    return config


def _tokenizer_config(architecture: Architecture) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": architecture.bos_token,
        "eos_token": architecture.end_tokens[0],
        "pad_token": PAD_TOKEN,
        "model_max_length": POSITIONS,
        "clean_up_tokenization_spaces": False,
    }


def _preprocessor(vision: dict[str, Any]) -> dict[str, Any]:
    return {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "patch_size": vision["patch_size"],
        "temporal_patch_size": vision["temporal_patch_size"],
        "merge_size": vision["spatial_merge_size"],
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def to_hub_names(architecture: Architecture, weights: Tensors) -> Tensors:
    """mlx-lm's float32 parameters -> the tensors of a Hub checkpoint, in the dtype they are stored in."""
    rename: Callable[[Tensors], Tensors] = {
        "qwen3": _as_it_is,
        "glm4_moe": _glm4_moe,
        "lfm2_moe": _lfm2_moe,
        "qwen3_vl_moe": _qwen3_vl_moe,
        "gpt_oss": _gpt_oss,
    }[architecture.model_type]
    tensors = rename(weights)
    return {
        name: value if value.dtype == mx.uint8 or name.endswith(FLOAT32_NAMES) else value.astype(mx.bfloat16)
        for name, value in sorted(tensors.items())
    }


def _as_it_is(weights: Tensors) -> Tensors:
    return weights


def _split_experts(name: str, value: mx.array, inner: str, outer: str) -> Tensors:
    """One tensor an expert: `...switch_mlp.up_proj.weight` (E, out, in) -> `...experts.0.up_proj.weight`."""
    return {
        name.replace("switch_mlp", f"experts.{number}").replace(inner, outer): value[number]
        for number in range(value.shape[0])
    }


def _glm4_moe(weights: Tensors) -> Tensors:
    tensors: Tensors = {}
    for name, value in weights.items():
        tensors |= _split_experts(name, value, "", "") if "switch_mlp" in name else {name: value}
    layer = f"model.layers.{1 + max(int(n.split('.')[2]) for n in weights if '.layers.' in n)}"
    mx.random.seed(0)
    tensors |= {  # the layer that predicts a second token, which mlx-lm does not run
        f"{layer}.eh_proj.weight": mx.random.normal((HIDDEN, 2 * HIDDEN)) * 0.02,
        f"{layer}.enorm.weight": mx.ones(HIDDEN),
        f"{layer}.hnorm.weight": mx.ones(HIDDEN),
        f"{layer}.shared_head.norm.weight": mx.ones(HIDDEN),
    }
    return tensors


def _lfm2_moe(weights: Tensors) -> Tensors:
    tensors: Tensors = {}
    short = {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}
    for name, value in weights.items():
        if "feed_forward" in name and name.endswith("_proj.weight"):
            inner = name.split(".")[-2]
            if "switch_mlp" in name:
                tensors |= _split_experts(name, value, inner, short[inner])
            else:
                tensors[name.replace(inner, short[inner])] = value
        elif name.endswith("conv.conv.weight"):
            tensors[name] = value.transpose(0, 2, 1)
        else:
            tensors[name] = value
    return tensors


def _qwen3_vl_moe(weights: Tensors) -> Tensors:
    tensors = _vision_tower()
    for name, value in weights.items():
        hub = name.removeprefix("language_model.")
        hub = hub.replace("model.", "model.language_model.", 1) if hub.startswith("model.") else hub
        if name.endswith("switch_mlp.gate_proj.weight"):
            up = weights[name.replace("gate_proj", "up_proj")]
            fused = mx.concatenate([value.swapaxes(-2, -1), up.swapaxes(-2, -1)], axis=-1)
            tensors[hub.replace("switch_mlp.gate_proj.weight", "experts.gate_up_proj")] = fused
        elif name.endswith("switch_mlp.down_proj.weight"):
            tensors[hub.replace("switch_mlp.down_proj.weight", "experts.down_proj")] = value.swapaxes(-2, -1)
        elif "switch_mlp" not in name:
            tensors[hub] = value
    return tensors


def _vision_tower(hidden: int = 32, inner: int = 64, patch: int = 4, positions: int = 64) -> Tensors:
    """Random weights under transformers' names: one block, a merger, one deep-stack merger."""
    mx.random.seed(1)
    merged = 4 * hidden
    linear = {
        "blocks.0.attn.qkv": (3 * hidden, hidden),
        "blocks.0.attn.proj": (hidden, hidden),
        "blocks.0.mlp.linear_fc1": (inner, hidden),
        "blocks.0.mlp.linear_fc2": (hidden, inner),
        "merger.linear_fc1": (merged, merged),
        "merger.linear_fc2": (HIDDEN, merged),
        "deepstack_merger_list.0.linear_fc1": (merged, merged),
        "deepstack_merger_list.0.linear_fc2": (HIDDEN, merged),
        "patch_embed.proj": (hidden, 3, 2, patch, patch),
    }
    norms = {
        "blocks.0.norm1": hidden,
        "blocks.0.norm2": hidden,
        "merger.norm": hidden,
        "deepstack_merger_list.0.norm": merged,
    }
    tensors: Tensors = {"model.visual.pos_embed.weight": mx.random.normal((positions, hidden)) * 0.02}
    for name, shape in linear.items():
        tensors[f"model.visual.{name}.weight"] = mx.random.normal(shape) * 0.02
        tensors[f"model.visual.{name}.bias"] = mx.zeros(shape[0])
    for name, size in norms.items():
        tensors[f"model.visual.{name}.weight"] = mx.ones(size)
        tensors[f"model.visual.{name}.bias"] = mx.zeros(size)
    return tensors


def _gpt_oss(weights: Tensors) -> Tensors:
    tensors: Tensors = {}
    for name, value in weights.items():
        if ".experts." not in name:
            tensors[name] = value
            continue
        place, projection, kind = name.rsplit(".", 2)
        if projection == "up_proj":
            continue
        fused = projection == "gate_proj"
        if fused:  # rows alternate: gate, up, gate, up
            up = weights[f"{place}.up_proj.{kind}"]
            value = mx.stack([value, up], axis=2).reshape(value.shape[0], -1, *value.shape[2:])
        hub = f"{place}.{'gate_up_proj' if fused else projection}"
        if kind == "bias":
            tensors[f"{hub}_bias"] = value
        else:
            tensors |= {f"{hub}{part}": stored for part, stored in mxfp4(value).items()}
    return tensors


def mxfp4(weight: mx.array) -> Tensors:
    """(..., out, in) -> `_blocks` uint8 (..., out, in/32, 16) and `_scales` uint8 (..., out, in/32)."""
    packed, scales, *_ = mx.quantize(weight.astype(mx.bfloat16), group_size=MXFP4_BLOCK, bits=4, mode="mxfp4")
    blocks = packed.view(mx.uint8).reshape(*scales.shape, MXFP4_BLOCK // 2)
    return {"_blocks": blocks, "_scales": scales}
