"""The five bases: one per seed architecture, each with the odd parts its family is known for.

Sizes are multiples of 64, so that every group size applies. `config` is the config.json a Hub repo of
that architecture has, with small numbers; `SPECIALS` are its tokenizer's own tokens, end tokens first.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot.rehearsal import chat_templates

VOCABULARY = 1024
HIDDEN = 128
HEADS = 4
KV_HEADS = 2
HEAD_DIM = 32
EXPERTS = 4
ACTIVE_EXPERTS = 2
EXPERT_SIZE = 64
POSITIONS = 2048


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """One base to train. `end_tokens` all stop generation; the first is the tokenizer's eos token."""

    name: str
    model_type: str
    config: dict[str, Any]
    template: str
    end_tokens: tuple[str, ...]
    other_tokens: tuple[str, ...]
    bos_token: str | None = None
    license: str = "mit"
    pipeline_tag: str = "text-generation"
    tags: tuple[str, ...] = ()
    about: str = ""
    batch_tokens: int = 1024

    @property
    def special_tokens(self) -> tuple[str, ...]:
        return (*self.end_tokens, *self.other_tokens)


_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.02,
    "use_cache": True,
    "torch_dtype": "bfloat16",
}

QWEN3 = Architecture(
    name="Tiny-Qwen3",
    model_type="qwen3",
    config=_COMMON
    | {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "num_hidden_layers": 5,
        "intermediate_size": 128,
        "head_dim": HEAD_DIM,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    },
    template=chat_templates.QWEN,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
    other_tokens=("<|im_start|>",),
    about="dense, five layers, untied head",
    batch_tokens=1536,  # without experts a step is cheap enough for more text
)

GLM4_MOE = Architecture(
    name="Tiny-GLM4-MoE",
    model_type="glm4_moe",
    config=_COMMON
    | {
        "architectures": ["Glm4MoeForCausalLM"],
        "model_type": "glm4_moe",
        "num_hidden_layers": 5,
        "intermediate_size": 128,
        "moe_intermediate_size": EXPERT_SIZE,
        "n_routed_experts": EXPERTS,
        "n_shared_experts": 1,
        "num_experts_per_tok": ACTIVE_EXPERTS,
        "first_k_dense_replace": 1,
        "n_group": 1,
        "topk_group": 1,
        "norm_topk_prob": True,
        "routed_scaling_factor": 1.0,
        "num_nextn_predict_layers": 1,
        "head_dim": HEAD_DIM,
        "partial_rotary_factor": 0.5,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": True,
        "use_qk_norm": False,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    },
    template=chat_templates.GLM,
    end_tokens=("<|endoftext|>", "<|user|>", "<|observation|>"),
    other_tokens=("<|assistant|>", "<|system|>", "[gMASK]", "<sop>"),
    tags=("moe",),
    about="a leading dense layer, routed and shared experts, a multi-token-prediction layer to drop",
)

LFM2_MOE = Architecture(
    name="Tiny-LFM2-MoE",
    model_type="lfm2_moe",
    config=_COMMON
    | {
        "architectures": ["Lfm2MoeForCausalLM"],
        "model_type": "lfm2_moe",
        "num_hidden_layers": 6,
        "num_dense_layers": 1,
        "intermediate_size": 128,
        "moe_intermediate_size": EXPERT_SIZE,
        "num_experts": EXPERTS,
        "num_experts_per_tok": ACTIVE_EXPERTS,
        "norm_topk_prob": True,
        "use_expert_bias": True,
        "routed_scaling_factor": 1.0,
        "norm_eps": 1e-5,
        "conv_L_cache": 3,
        "conv_bias": False,
        "rope_theta": 10000.0,
        "layer_types": ["conv", "full_attention", "conv", "full_attention", "conv", "full_attention"],
        "tie_embedding": True,
        "tie_word_embeddings": True,
    },
    template=chat_templates.LFM,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
    other_tokens=("<|im_start|>", "<|startoftext|>"),
    bos_token="<|startoftext|>",  # noqa: S106  a tokenizer's token
    tags=("moe", "liquid"),
    about="short convolutions between attention layers, a leading dense layer, experts, tied embeddings",
)

QWEN3_VL_MOE = Architecture(
    name="Tiny-Qwen3-VL-MoE",
    model_type="qwen3_vl_moe",
    config={
        "architectures": ["Qwen3VLMoeForConditionalGeneration"],
        "model_type": "qwen3_vl_moe",
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "text_config": _COMMON
        | {
            "model_type": "qwen3_vl_moe_text",
            "num_hidden_layers": 5,
            "intermediate_size": 128,
            "moe_intermediate_size": EXPERT_SIZE,
            "num_experts": EXPERTS,
            "num_experts_per_tok": ACTIVE_EXPERTS,
            "norm_topk_prob": True,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
            "head_dim": HEAD_DIM,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            "rope_scaling": None,
            "attention_bias": False,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
        },
        "vision_config": {
            "model_type": "qwen3_vl_moe",
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "in_channels": 3,
            "patch_size": 4,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "num_position_embeddings": 64,
            "out_hidden_size": HIDDEN,
            "deepstack_visual_indexes": [0],
            "hidden_act": "gelu_pytorch_tanh",
        },
    },
    template=chat_templates.QWEN,
    end_tokens=("<|im_end|>", "<|endoftext|>"),
    other_tokens=("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    pipeline_tag="image-text-to-text",
    tags=("moe",),
    about="experts in every layer, and a vision tower of random weights that sees nothing",
)

GPT_OSS = Architecture(
    name="Tiny-GPT-OSS",
    model_type="gpt_oss",
    config=_COMMON
    | {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "num_hidden_layers": 6,
        "intermediate_size": EXPERT_SIZE,
        "num_local_experts": EXPERTS,
        "num_experts_per_tok": ACTIVE_EXPERTS,
        "experts_per_token": ACTIVE_EXPERTS,
        "head_dim": HEAD_DIM,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000,
        "rope_scaling": None,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "sliding_window": 32,
        "layer_types": ["sliding_attention", "full_attention"] * 3,
        "swiglu_limit": 7.0,
        "attention_bias": True,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "quantization_config": {
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
    },
    template=chat_templates.GPT_OSS,
    end_tokens=("<|return|>", "<|endoftext|>", "<|call|>", "<|end|>"),
    other_tokens=("<|start|>", "<|message|>", "<|channel|>", "<|startoftext|>"),
    bos_token="<|startoftext|>",  # noqa: S106  a tokenizer's token
    tags=("moe", "mxfp4"),
    about="MXFP4 experts with biases, attention sinks, a sliding window in every second layer",
)

ARCHITECTURES = (QWEN3, LFM2_MOE, GLM4_MOE, QWEN3_VL_MOE, GPT_OSS)
BY_MODEL_TYPE = {architecture.model_type: architecture for architecture in ARCHITECTURES}
