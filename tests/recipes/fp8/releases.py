"""Small FP8 releases in the forms that quantizers write: config.json, hf_quant_config.json and headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bot.recipes.recipe import decide, layer_of
from bot.records import Quantization, Recipe, Record
from bot.safetensors import Tensor

ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
DENSE = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
NORMS = ("input_layernorm", "post_attention_layernorm")
MIXTRAL = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
WIDE = 64


class Release(Record, frozen=True, kw_only=True):
    """One release, and the mlx-lm modules that it keeps as floats and a recipe should keep at H."""

    config: dict[str, Any]
    headers: dict[str, Tensor]
    hf_quant: dict[str, Any] | None = None
    kept: tuple[str, ...] = ()


def experts(
    container: str, count: int = 3, leaves: Iterable[str] = ("gate_proj", "up_proj", "down_proj")
) -> tuple[str, ...]:
    return tuple(f"{container}.experts.{number}.{leaf}" for number in range(count) for leaf in leaves)


def layered(layers: Iterable[int], tails: Iterable[str], stem: str = "model.layers") -> tuple[str, ...]:
    tails = tuple(tails)
    return tuple(f"{stem}.{layer}.{tail}" for layer in layers for tail in tails)


def stored(
    modules: Iterable[str], kept: Callable[[str], object], scale: str = "weight_scale"
) -> dict[str, Tensor]:
    """Headers in which each module's weight is BF16 where it is kept, and FP8 with its scale elsewhere."""
    tensors: dict[str, Tensor] = {}
    for path in modules:
        if path.endswith("norm"):
            tensors[f"{path}.weight"] = Tensor(dtype="BF16", shape=(WIDE,))
        elif kept(path):
            tensors[f"{path}.weight"] = Tensor(dtype="BF16", shape=(WIDE, WIDE))
        else:
            tensors[f"{path}.weight"] = Tensor(dtype="F8_E4M3", shape=(WIDE, WIDE))
            tensors[f"{path}.{scale}"] = Tensor(dtype="F32", shape=(1,))
    return tensors


def ends(modules: Iterable[str]) -> tuple[str, ...]:
    """The modules between embeddings, last norm and head."""
    return ("model.embed_tokens", *modules, "model.norm", "lm_head")


def at_high(recipe: Recipe, paths: Iterable[str], high: Quantization) -> set[str]:
    """The paths that the recipe sets to H, on a base as wide and deep as these releases."""
    paths = tuple(paths)
    n_layers = max((layer for path in paths if (layer := layer_of(path)) is not None), default=-1) + 1
    return {path for path in paths if decide(recipe, path, layer_of(path), n_layers, WIDE) == high}


def mlx_path(path: str) -> str:
    """What mlx-lm calls a module of these releases."""
    inner = re.sub(r"^model\.language_model\.", "language_model.model.", path)
    stacked = re.sub(r"\.experts\.(\d+\.)?", ".switch_mlp.", inner)
    return re.sub(r"w[123]$", lambda found: MIXTRAL[found[0]], stacked)


def modules_of(release: Release) -> Iterator[str]:
    """The paths, as mlx-lm has them, of what the headers of the release hold in two dimensions."""
    for name, tensor in release.headers.items():
        if name.endswith(".weight") and len(tensor.shape) == 2:
            yield mlx_path(name.removesuffix(".weight"))


# ------------------------------------------------------------------ the forms


def qwen3_dense() -> Release:
    """Qwen3-8B-FP8: DeepSeek's blocks, a list of the head and every norm."""
    modules = ends(layered(range(2), (*ATTENTION, *DENSE, *NORMS)))
    listed = ["lm_head", *layered(range(2), NORMS)]
    return Release(
        config={
            "num_hidden_layers": 2,
            "quantization_config": {
                "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                "weight_block_size": [128, 128], "modules_to_not_convert": listed,
            },
        },
        headers=stored(modules, lambda path: path in ("lm_head", "model.embed_tokens"), "weight_scale_inv"),
    )  # fmt: skip


def qwen3_next() -> Release:
    """Qwen3-Next-FP8: gates, the small projections of linear attention, and its drafting layer are kept."""
    linear = ("linear_attn.in_proj_qkvz", "linear_attn.in_proj_ba", "linear_attn.out_proj")
    shared = ("mlp.gate", "mlp.shared_expert_gate", "mlp.shared_expert.up_proj", *experts("mlp"))
    modules = ends(
        (
            *layered((0, 1, 2), (*linear, *shared, *NORMS)),
            *layered((3,), (*ATTENTION, *shared, *NORMS)),
            *layered((0,), (*ATTENTION, *shared), "mtp.layers"),
            "mtp.fc",
        )
    )
    kept = re.compile(r"in_proj_ba|gate$|embed_tokens|lm_head|mtp\.")
    headers = stored(modules, kept.search, "weight_scale_inv")
    for layer in range(3):
        name = f"model.layers.{layer}.linear_attn.conv1d.weight"
        headers[name] = Tensor(dtype="BF16", shape=(WIDE, 1, 4))
    listed = [path for path in modules if kept.search(path)]
    return Release(
        config={
            "num_hidden_layers": 4,
            "quantization_config": {
                "quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": listed,
            },
        },
        headers=headers,
        kept=tuple(layered(range(3), ("linear_attn.in_proj_ba",))),
    )  # fmt: skip


def deepseek_v32() -> Release:
    """DeepSeek-V3.2 and GLM-5: no list at all; the indexer's head weights are kept; a drafting layer."""
    latent = (
        "self_attn.q_a_proj", "self_attn.q_b_proj", "self_attn.kv_a_proj_with_mqa", "self_attn.kv_b_proj",
        "self_attn.o_proj", "self_attn.indexer.wq_b", "self_attn.indexer.wk",
        "self_attn.indexer.weights_proj",
    )  # fmt: skip
    modules = ends(
        (
            *layered((0,), (*latent, *DENSE, *NORMS)),
            *layered((1, 2), (*latent, "mlp.gate", *experts("mlp"), *NORMS)),
            *layered((3,), (*latent, *DENSE, "eh_proj", "shared_head.head", "shared_head.norm")),
        )
    )
    kept = re.compile(r"weights_proj|mlp\.gate$|embed_tokens|head$|layers\.3\.self_attn\.o_proj|eh_proj")
    return Release(
        config={
            "num_hidden_layers": 3,
            "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
        },
        headers=stored(modules, kept.search, "weight_scale_inv"),
        kept=layered(range(3), ("self_attn.indexer.weights_proj",)),
    )


def redhat_vision() -> Release:
    """RedHatAI: compressed-tensors with `re:` entries, a vision tower, attention kept, wrapped names."""
    stem = "model.language_model.layers"
    modules = (
        "model.language_model.embed_tokens",
        *layered(range(3), (*ATTENTION, "mlp.gate", *experts("mlp"), *NORMS), stem),
        *layered(range(2), ("attn.qkv", "mlp.linear_fc1"), "model.visual.blocks"),
        "lm_head",
    )
    kept = re.compile(r"self_attn|mlp\.gate$|embed_tokens|lm_head|visual")
    return Release(
        config={
            "text_config": {"num_hidden_layers": 3},
            "vision_config": {"num_hidden_layers": 2},
            "quantization_config": {
                "quant_method": "compressed-tensors", "format": "float-quantized",
                "ignore": ["re:.*lm_head", "re:.*self_attn.*", "re:.*mlp.gate$", "re:visual.*"],
                "config_groups": {
                    "group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}
                },
            },
        },
        headers=stored(modules, kept.search),
        kept=tuple(mlx_path(path) for path in modules if "self_attn" in path),
    )  # fmt: skip


def redhat_experts() -> Release:
    """compressed-tensors that names what it quantizes: the experts. All else is kept without a list."""
    tails = (*ATTENTION, "mlp.gate", "mlp.shared_experts.up_proj", *experts("mlp"))
    modules = ends((*layered((0,), (*ATTENTION, *DENSE)), *layered((1, 2), tails)))
    return Release(
        config={
            "num_hidden_layers": 3,
            "quantization_config": {
                "quant_method": "compressed-tensors", "format": "float-quantized", "ignore": [],
                "config_groups": {"group_0": {"targets": ["re:.*mlp[.]experts[.].*"]}},
            },
        },
        headers=stored(modules, lambda path: ".experts." not in path),
        kept=tuple(path for path in modules if not re.search(r"\.experts\.|gate$|head$|norm$|embed", path)),
    )  # fmt: skip


def modelopt() -> Release:
    """NVIDIA ModelOpt: globs in hf_quant_config.json, and in config.json under another key."""
    modules = ends(layered(range(4), (*ATTENTION, "mlp.gate", *experts("mlp"), *NORMS)))
    globs = ["lm_head", "model.layers.0.self_attn*", "model.layers.3.self_attn*", "model.layers.*.mlp.gate"]
    kept = re.compile(r"layers\.[03]\.self_attn|mlp\.gate$|embed_tokens|lm_head")
    return Release(
        config={
            "num_hidden_layers": 4,
            "quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8", "ignore": globs[:3]},
        },
        hf_quant={
            "producer": {"name": "modelopt", "version": "0.37.0"},
            "quantization": {
                "quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": globs,
            },
        },
        headers=stored(modules, kept.search),
        kept=layered((0, 3), ATTENTION),
    )  # fmt: skip


def fbgemm() -> Release:
    """Meta's Llama-3.1-405B-FP8: all attention, and the whole of the first and the last layer, are kept."""
    modules = ends(layered(range(4), (*ATTENTION, *DENSE, *NORMS)))
    listed = [*layered(range(4), ATTENTION), *layered((0, 3), DENSE), "lm_head"]
    return Release(
        config={
            "num_hidden_layers": 4,
            "quantization_config": {
                "quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0, "modules_to_not_convert": listed,
            },
        },
        headers=stored(modules, lambda path: path in listed or "embed" in path),
        kept=(*layered(range(4), ATTENTION), *layered((0, 3), DENSE)),
    )  # fmt: skip


def torchao() -> Release:
    """torchao: a value per module in the config, null for those left alone; `_weight_qdata` in the files."""
    modules = ends(layered(range(2), (*ATTENTION, *DENSE, *NORMS)))
    by_name = {"_default": {"_type": "Float8DynamicActivationFloat8WeightConfig"}, "re:.*o_proj": None}
    headers: dict[str, Tensor] = {}
    for name, tensor in stored(modules, re.compile(r"o_proj|embed|lm_head").search).items():
        flat = name.replace(".weight_scale", "._weight_scale")
        headers[flat.replace(".weight", "._weight_qdata") if tensor.dtype == "F8_E4M3" else flat] = tensor
    return Release(
        config={
            "num_hidden_layers": 2,
            "quantization_config": {
                "quant_method": "torchao",
                "quant_type": {
                    "default": {"_type": "ModuleFqnToConfig", "_data": {"module_fqn_to_config": by_name}}
                },
            },
        },
        headers=headers,
        kept=layered(range(2), ("self_attn.o_proj",)),
    )


def minimax() -> Release:
    """MiniMax: `ignored_layers`; experts under w1, w2, w3, one layer of them kept."""
    tails = (*ATTENTION, "block_sparse_moe.gate", *experts("block_sparse_moe", leaves=("w1", "w2", "w3")))
    modules = ends(layered(range(2), tails))
    kept = re.compile(r"layers\.1\.block_sparse_moe\.experts|gate$|embed_tokens|lm_head")
    return Release(
        config={
            "num_hidden_layers": 2,
            "quantization_config": {
                "quant_method": "fp8", "weight_block_size": [128, 128],
                "ignored_layers": ["gate", "lm_head", "model.layers.1.block_sparse_moe"],
            },
        },
        headers=stored(modules, kept.search, "weight_scale_inv"),
        kept=tuple(f"model.layers.1.block_sparse_moe.switch_mlp.{name}" for name in MIXTRAL.values()),
    )  # fmt: skip
