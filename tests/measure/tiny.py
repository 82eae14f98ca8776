"""Tiny models with random weights, made with mlx-lm's own model classes, and a small tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm.utils import _get_classes
from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "the", "river", "stone", "cloud", "fire", "apple", "green", "small", "table", "music", "winter",
    "horse", "silver", "garden", "letter",
)  # fmt: skip

COMMON: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "num_hidden_layers": 2,
    "moe_intermediate_size": 64,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "norm_topk_prob": True,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "qwen3": COMMON | {"tie_word_embeddings": True},
    "glm4_moe": COMMON
    | {
        "n_group": 1, "topk_group": 1, "n_shared_experts": 1, "n_routed_experts": 4,
        "routed_scaling_factor": 1.0, "first_k_dense_replace": 1, "rope_scaling": None, "use_qk_norm": True,
        "tie_word_embeddings": False, "attention_bias": False, "partial_rotary_factor": 0.5,
    },
    "lfm2_moe": COMMON
    | {
        "use_expert_bias": True, "num_dense_layers": 1, "norm_eps": 1e-5, "conv_bias": False,
        "conv_L_cache": 3, "layer_types": ["conv", "full_attention"],
    },
    "qwen3_vl_moe": {
        "text_config": COMMON
        | {
            "model_type": "qwen3_vl_moe_text", "decoder_sparse_step": 1, "mlp_only_layers": [],
            "tie_word_embeddings": False,
        }
    },
    "gpt_oss": COMMON
    | {
        "num_local_experts": 4, "sliding_window": 12, "rope_theta": 10000,
        "layer_types": ["sliding_attention", "full_attention"],
    },
}  # fmt: skip
"""The five architectures of the seed cards. gpt_oss has a window shorter than the tests' contexts."""

OTHERS: dict[str, dict[str, Any]] = {
    "gemma3_text": COMMON
    | {
        "sliding_window": 12, "sliding_window_pattern": 2, "num_hidden_layers": 4,
        "query_pre_attn_scalar": 32,
    },
    "mamba2": {
        "num_heads": 4, "head_dim": 32, "hidden_size": 64, "intermediate_size": 128, "state_size": 16,
        "num_hidden_layers": 2, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "n_groups": 1,
        "use_bias": False, "use_conv_bias": True, "tie_word_embeddings": True,
        "time_step_limit": [0.0, 100.0], "time_step_rank": "auto",
    },
    "deepseek_v3": COMMON
    | {
        "q_lora_rank": 32, "kv_lora_rank": 32, "qk_rope_head_dim": 16, "qk_nope_head_dim": 16,
        "v_head_dim": 32, "n_routed_experts": 4, "n_shared_experts": 1, "n_group": 1, "topk_group": 1,
        "first_k_dense_replace": 1, "num_key_value_heads": 4, "rope_scaling": None, "moe_layer_freq": 1,
        "routed_scaling_factor": 1.0, "attention_bias": False,
    },
    "qwen3_next": COMMON
    | {
        "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 32,
        "linear_value_head_dim": 32, "linear_conv_kernel_dim": 4, "full_attention_interval": 2,
        "shared_expert_intermediate_size": 64, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "partial_rotary_factor": 0.5, "tie_word_embeddings": False, "num_hidden_layers": 4,
    },
    "gpt_neox": {
        "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 128,
        "max_position_embeddings": 512, "layer_norm_eps": 1e-5, "rotary_pct": 0.25, "rotary_emb_base": 10000,
    },
}  # fmt: skip
"""Architectures that do otherwise: windows, state spaces, latent attention, delta rules, other names."""

Q4: dict[str, Any] = {"group_size": 32, "bits": 4, "mode": "affine"}
MXFP4: dict[str, Any] = {"group_size": 32, "bits": 4, "mode": "mxfp4"}
ROUTER: dict[str, Any] = {"group_size": 32, "bits": 8, "mode": "affine"}


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE over a few words, with ChatML; <|im_end|> ends a turn."""
    bpe = ByteLevelBPETokenizer()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    texts = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))]
    bpe.train_from_iterator(texts, vocab_size=400, special_tokens=special, show_progress=False)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = CHATML
    return fast


def model_folder(
    folder: Path,
    architecture: str = "qwen3",
    quantization: dict[str, Any] | None = None,
    dtype: Any = mx.bfloat16,
    broken: bool = False,
) -> Path:
    """A model folder that mlx_lm loads; `broken` has a weight that is not a number."""
    words = tokenizer()
    config = {"model_type": architecture, "vocab_size": len(words), **(ARCHITECTURES | OTHERS)[architecture]}
    if "text_config" in config:
        config["text_config"] = config["text_config"] | {"vocab_size": len(words)}
    mx.random.seed(7)
    model_class, arguments_class = _get_classes(config)
    model = model_class(arguments_class.from_dict(config))
    model.set_dtype(dtype)
    if quantization:
        config["quantization"] = _quantize(model, quantization)
    weights = dict(tree_flatten(model.parameters()))
    if broken:
        name = next(name for name in weights if "norm" in name)
        weights[name] = weights[name] * float("nan")
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config))
    words.save_pretrained(folder)
    return folder


def _quantize(model: nn.Module, quantization: dict[str, Any]) -> dict[str, Any]:
    """Quantize in place, routers at 8 bits; returns config.json's "quantization"."""
    described: dict[str, Any] = dict(quantization)

    def choose(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if not hasattr(module, "to_quantized"):
            return False
        if path.endswith(("mlp.gate", "feed_forward.gate", "router")):
            described[path] = ROUTER
            return ROUTER
        return True

    nn.quantize(model, **quantization, class_predicate=choose)
    return described
