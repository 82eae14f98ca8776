"""What a Mac gives its GPU is as its owners report; what a model takes is what mlx-lm really allocates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache

from bot import child
from bot.errors import UnsuitableBase, UsageError
from bot.recipes import InventoryRequest, architecture
from bot.recipes.inventory import read
from bot.recipes.layout import prediction
from bot.recipes.mac.kv_cache import MOST_TOKENS, demand, demands
from bot.recipes.mac.memory import (
    GIB,
    Demand,
    DemandRequest,
    Demands,
    Memory,
    chunks,
    headroom,
    raising,
    table,
    working_set,
)
from bot.recipes.names import parse
from bot.rehearsal.architectures import ARCHITECTURES, GPT_OSS, LFM2_MOE, QWEN3

# ------------------------------------------------------------------ what Metal gives

MEMORIES = st.integers(4 * GIB, 2048 * GIB)


def test_a_mac_is_asked_for_by_the_memory_on_its_box() -> None:
    """64GB on a Mac are 64 GiB; a number alone, or what no Mac has, is refused in one sentence."""
    assert Memory.parse("64GB") == Memory.parse("64 GiB") == 64 * 2**30
    assert Memory.parse("0.5TB") == 512 * 2**30
    for text in ("64", "1GB", "64 gigs", "4TB", "-8GB", ""):
        with pytest.raises(ValueError, match="write"):
            Memory.parse(text)


@pytest.mark.parametrize(
    ("memory", "gib", "before"),
    [(16, 11.84, 10.67), (32, 24.96, 21.33), (64, 51.84, 48.0), (128, 107.52, 96.0), (512, 464.0, 464.0)],
)
def test_the_working_set_is_the_one_that_owners_report(memory: int, gib: float, before: float) -> None:
    """As llama.cpp's log and mlx print it, on macOS 26 and on the releases before."""
    known = working_set(memory * GIB)
    assert known.how == "reported"
    assert known.bytes / GIB == pytest.approx(gib, abs=0.01)
    assert known.before_26 is not None
    assert known.before_26 / GIB == pytest.approx(before, abs=0.01)
    assert known.notes == ((f"macOS before 26 gives {before:.1f} GiB",) if before < gib else ())


def test_every_row_is_sourced_and_follows_the_rule() -> None:
    """The share by which other sizes are reckoned is the one of all reported sizes, to 0.1 %."""
    for row in table().rows:
        share = next(s.share for s in table().shares if s.below is None or row.memory < s.below)
        assert row.bytes == pytest.approx(max(share * row.memory, row.memory - 48) * GIB, rel=1e-3)
        share = 2 / 3 if row.memory <= 36 else 3 / 4
        assert row.before_26 == pytest.approx(max(share * row.memory, row.memory - 48) * GIB, rel=1e-3)
        assert row.source
        assert row.source != "rule"
        assert row.before_26_source


def test_a_size_nobody_reported_says_so() -> None:
    """No Mac has 40 GB; were there one, the rule would give 78 %, and the note says what that is."""
    known = working_set(40 * GIB)
    assert known.how == "rule"
    assert known.bytes == pytest.approx(0.78 * 40 * GIB, rel=1e-6)
    assert known.notes == (f"the working set of a 40 GB Mac is {known.source}",)
    assert "reckoned as 78% of its memory" in known.source
    assert "all but 48 GB" in working_set(1024 * GIB).source


@given(MEMORIES, MEMORIES)
def test_more_memory_never_gives_a_smaller_working_set(one: int, other: int) -> None:
    """Across the table, between its sizes and beyond them; and never all of the memory."""
    less, more = sorted((one, other))
    assert working_set(less).bytes <= working_set(more).bytes < more


def test_the_limit_is_raised_by_a_whole_number_of_mebibytes() -> None:
    """macOS's own setting, rounded up."""
    assert raising(60 * GIB) == "sudo sysctl iogpu.wired_limit_mb=61440"
    assert raising(60 * GIB + 1) == "sudo sysctl iogpu.wired_limit_mb=61441"


# ------------------------------------------------------------------ what a model takes


@given(st.integers(1, 100_000))
def test_chunks_are_the_whole_prompt(tokens: int) -> None:
    """No token twice, none left out, none of the chunks above mlx-lm's step; the last token goes alone."""
    fed = chunks(tokens)
    assert sum(fed) == tokens
    assert fed[-1] == 1
    assert all(chunk == 2048 for chunk in fed[:-2])


_TEXT = {
    "vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "max_position_embeddings": 8192, "tie_word_embeddings": False,
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "gemma3_text": _TEXT | {"model_type": "gemma3_text", "sliding_window": 300, "sliding_window_pattern": 2},
    "qwen3_next": _TEXT
    | {
        "model_type": "qwen3_next", "num_experts": 4, "num_experts_per_tok": 2, "decoder_sparse_step": 1,
        "shared_expert_intermediate_size": 64, "mlp_only_layers": [], "moe_intermediate_size": 64,
        "linear_num_value_heads": 2, "linear_num_key_heads": 2, "linear_key_head_dim": 16,
        "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4, "partial_rotary_factor": 0.5,
    },
    "deepseek_v3": _TEXT
    | {
        "model_type": "deepseek_v3", "kv_lora_rank": 32, "q_lora_rank": 32, "qk_rope_head_dim": 16,
        "qk_nope_head_dim": 32, "v_head_dim": 32, "num_key_value_heads": 4, "n_routed_experts": None,
        "n_shared_experts": None, "moe_intermediate_size": 64,
    },
}  # fmt: skip


def built(config: dict[str, Any], dtype: str = "bfloat16") -> nn.Module:
    model = architecture.build(config, "someone/Base")
    architecture.cast(model, dtype)
    return model


def allocated(model: nn.Module, tokens: int) -> int:
    """The most that mlx_lm.generate's caches hold while it really reads a prompt of that many tokens."""
    model.eval()
    cache, sizes = make_prompt_cache(model), [0]

    def measured(*_: int) -> None:
        sizes.append(sum(c.nbytes for c in cache if not c.empty()))

    prompt = mx.arange(tokens) % 50
    list(generate_step(prompt, model, max_tokens=0, prompt_cache=cache, prompt_progress_callback=measured))
    measured()
    return max(sizes)


@pytest.mark.parametrize("tokens", [1, 2, 258, 2300])
@pytest.mark.parametrize("config", [a.config for a in ARCHITECTURES], ids=[a.name for a in ARCHITECTURES])
def test_caches_of_the_seed_architectures_are_known_to_the_byte(config: dict[str, Any], tokens: int) -> None:
    """Grouped heads, sliding windows, short convolutions: as mlx-lm allocates them, reading a real prompt."""
    model = built(config, "float32")  # MLX on a CPU has experts in no other type
    assert demand(model, tokens).cache == allocated(model, tokens)


@pytest.mark.parametrize("tokens", [5, 700])
@pytest.mark.parametrize("config", OTHERS.values(), ids=OTHERS)
def test_so_are_those_of_other_architectures(config: dict[str, Any], tokens: int) -> None:
    """Windows beside full attention, linear attention's states, latent attention: no formula for any."""
    model = built(config, "float32")
    assert demand(model, tokens).cache == allocated(model, tokens)
    assert demand(model, tokens).notes == ()


def test_a_float32_quant_has_caches_twice_as_large() -> None:
    """The type of the activations counts, not only the shapes."""
    model = built(QWEN3.config, "bfloat16")
    assert demand(model, 300).cache == allocated(model, 300)
    assert demand(built(QWEN3.config, "float32"), 300).cache == 2 * demand(model, 300).cache


def test_a_real_model_is_measured_by_its_config_alone(tmp_path: Path) -> None:
    """Qwen3-8B: 36 layers of 8 key/value heads, 128 wide, are 1.125 GiB for 8192 tokens. In a child."""
    config = QWEN3.config | {
        "hidden_size": 4096, "num_hidden_layers": 36, "intermediate_size": 12288, "head_dim": 128,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 151936,
    }  # fmt: skip
    answer = child.run(
        "bot.recipes.mac.kv_cache",
        DemandRequest(base="Qwen/Qwen3-8B", config=json.dumps(config), tokens=8192, dtypes=("BF16", "F32")),
        Demands,
        log=tmp_path / "log",
    )
    bf16, f32 = answer.items
    assert bf16.cache == 2 * 36 * 8 * 128 * 8192 * 2
    assert f32.cache == 2 * bf16.cache


def test_scores_are_counted_where_metal_writes_them() -> None:
    """Heads 32 wide have no fused kernel: each of 4 heads scores a chunk of 2048 against 4096 keys."""
    one_layer = 2 * 2 * 32 * 4096 * 2
    assert demand(built(QWEN3.config), 4097).attention == one_layer + 4 * 2048 * 4096 * 2
    fused = QWEN3.config | {"head_dim": 64}
    assert demand(built(fused), 4097).attention == 2 * 2 * 64 * 4097 * 2


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([QWEN3, LFM2_MOE, GPT_OSS]))
def test_more_context_never_takes_less(one: int, other: int, which: Any) -> None:
    """Windows are at their largest in the middle of a prompt, and that counts."""
    less, more = sorted((one, other))
    model = built(which.config)
    small, large = demand(model, less), demand(model, more)
    assert small.cache <= large.cache
    assert small.attention <= large.attention


QWEN36 = {
    "model_type": "qwen3_5_moe", "torch_dtype": "bfloat16", "text_config": {
        "model_type": "qwen3_5_moe_text", "hidden_size": 2048, "num_hidden_layers": 40, "vocab_size": 248320,
        "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "num_experts": 256,
        "num_experts_per_tok": 8, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "linear_num_value_heads": 32, "linear_num_key_heads": 16, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "full_attention_interval": 4,
        "rms_norm_eps": 1e-6, "tie_word_embeddings": False, "max_position_embeddings": 262144,
        "attention_bias": False, "intermediate_size": 0, "decoder_sparse_step": 1, "norm_topk_prob": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25},
    },
}  # fmt: skip
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_attention_heads": 128,
    "num_key_value_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256, "kv_lora_rank": 512,
    "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "n_group": 8,
    "topk_group": 4, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "max_position_embeddings": 163840,
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "torch_dtype": "bfloat16",
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "recipe", "peaks"),
    [
        (QWEN36, "q4", {8_000: 21.7, 32_000: 23.8, 64_000: 26.7, 130_000: 32.5, 192_000: 38.0}),
        (QWEN36, "q8", {192_000: 55.3}),
        (DEEPSEEK_V3, "q4", {4_096: 383.213, 8_192: 388.343, 16_384: 398.605}),
    ],
    ids=["Qwen3.6-35B-A3B 4bit", "Qwen3.6-35B-A3B 8bit", "DeepSeek-V3 4bit"],
)
def test_peaks_that_owners_measured_are_foreseen(
    config: dict[str, Any], recipe: str, peaks: dict[int, float]
) -> None:
    """Weights, caches and headroom are above each published peak (10**9 bytes), by 1.5 GB at most.

    ml-explore/mlx-lm#1480 (M5 Max) and #839: 10 of 40 layers with attention 256 wide; latent attention.
    """
    known = read(InventoryRequest(base="someone/Base", config=json.dumps(config)), lambda _: None)
    weights = prediction(parse(recipe), known).bytes
    for tokens, peak in peaks.items():
        taken = demand(built(config), tokens)
        assert 0 <= (weights + taken.cache + headroom(taken)) / 1e9 - peak <= 1.5


def asked(config: str, tokens: int = 100) -> tuple[Demand, ...]:
    request = DemandRequest(base="someone/Base", config=config, tokens=tokens, dtypes=("BF16",))
    return demands(request, lambda _: None).items


@pytest.mark.parametrize("tokens", [0, -1, MOST_TOKENS + 1])
def test_an_absurd_context_is_refused(tokens: int) -> None:
    """Before anything is built."""
    with pytest.raises(UsageError, match="tokens: write between"):
        asked(json.dumps(QWEN3.config), tokens)


@pytest.mark.parametrize("change", [{"model_type": "nobody"}, {"num_key_value_heads": 3}])
def test_a_config_that_cannot_run_is_refused_in_a_sentence(change: dict[str, Any]) -> None:
    """Unknown types, and heads that do not go into each other, which only a call reveals."""
    with pytest.raises(UnsuitableBase, match="someone/Base") as error:
        asked(json.dumps(QWEN3.config | change))
    assert "\n" not in str(error.value)


def test_what_is_not_counted_is_said() -> None:
    """Mamba layers take more than their state while they read a prompt."""
    mamba = {
        "model_type": "mamba2", "num_heads": 4, "head_dim": 16, "vocab_size": 64, "hidden_size": 32,
        "intermediate_size": 64, "state_size": 16, "num_hidden_layers": 2, "layer_norm_epsilon": 1e-5,
        "conv_kernel": 4, "n_groups": 1, "use_bias": False, "use_conv_bias": True,
        "tie_word_embeddings": True, "time_step_limit": [0.0, 1.0], "time_step_rank": "auto",
    }  # fmt: skip
    (taken,) = asked(json.dumps(mamba))
    assert taken.cache > 0
    assert taken.notes == (
        "its Mamba layers can take some GB more while a prompt is read (ml-explore/mlx-lm#525)",
    )
