"""A kept vision tower: named and shaped from headers alone, loadable by plain mlx-lm and by mlx-vlm."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx.utils import tree_flatten
from mlx_lm import convert, load
from mlx_lm import utils as mlx_lm_utils
from tokenizers import Tokenizer

from bot import safetensors
from bot.recipes.senses import FLOATS, TOWERS, Tower, arranged, kept
from bot.safetensors import Tensor
from tests.models import config_of, tensors_in, write_base

Tensors = dict[str, mx.array]

# ------------------------------------------------------------------ from headers alone


def config(model_type: str) -> dict[str, Any]:
    """What `kept` reads of a config of that type."""
    text_types = TOWERS[model_type].text_types if model_type in TOWERS else ()
    text = {"text_config": {"model_type": text_types[0]}} if text_types else {}
    return {"model_type": model_type, "vision_config": {}, **text}


def bf16(*shape: int) -> Tensor:
    return Tensor(dtype="BF16", shape=shape)


QWEN3_VL = {
    "model.visual.patch_embed.proj.weight": bf16(1152, 3, 2, 16, 16),
    "model.visual.patch_embed.proj.bias": bf16(1152),
    "model.visual.blocks.26.attn.qkv.weight": bf16(3456, 1152),
    "model.visual.deepstack_merger_list.0.norm.weight": bf16(4608),
    "model.language_model.layers.0.self_attn.q_proj.weight": bf16(4096, 2048),
    "lm_head.weight": bf16(151936, 2048),
}


def test_a_tower_is_renamed_and_its_convolution_turned() -> None:
    """Qwen3-VL-30B-A3B's own names and shapes become mlx-vlm's; the language part is not touched."""
    senses = kept(config("qwen3_vl_moe"), QWEN3_VL)
    assert {name: sense.tensor for name, sense in senses.items()} == {
        "vision_tower.patch_embed.proj.weight": bf16(1152, 2, 16, 16, 3),
        "vision_tower.patch_embed.proj.bias": bf16(1152),
        "vision_tower.blocks.26.attn.qkv.weight": bf16(3456, 1152),
        "vision_tower.deepstack_merger_list.0.norm.weight": bf16(4608),
    }
    assert {sense.source for sense in senses.values()} == {n for n in QWEN3_VL if "visual" in n}


@pytest.mark.parametrize(
    ("model_type", "source", "name"),
    [
        ("qwen2_vl", "visual.merger.mlp.0.bias", "vision_tower.merger.mlp.0.bias"),
        ("qwen2_5_vl", "model.visual.merger.mlp.0.bias", "vision_tower.merger.mlp.0.bias"),
        ("qwen3_5_moe", "model.visual.merger.norm.bias", "vision_tower.merger.norm.bias"),
        ("mistral3", "vision_tower.ln_pre.weight", "vision_tower.vision_model.ln_pre.weight"),
        ("mistral3", "model.multi_modal_projector.norm.weight", "multi_modal_projector.norm.weight"),
        ("llama4", "vision_model.class_embedding", "vision_model.class_embedding"),
        ("qwen3_vl", "visual.merger.norm.bias", None),
        ("qwen3_5", "model.language_model.layers.0.mlp.up_proj.weight", None),
        ("mistral3", "language_model.model.norm.weight", None),
    ],
)
def test_each_family_has_its_names(model_type: str, source: str, name: str | None) -> None:
    """The base's name of a tensor gives mlx-vlm's, and nothing outside the tower gets one."""
    assert TOWERS[model_type].name_of(source) == name


def change(name: str, to: Tensor | None) -> dict[str, Tensor]:
    """QWEN3_VL with one tensor replaced, or without it."""
    rest = {n: tensor for n, tensor in QWEN3_VL.items() if n != name}
    return rest if to is None else rest | {name: to}


PATCHES = "model.visual.patch_embed.proj.weight"
QKV = "model.visual.blocks.26.attn.qkv.weight"


@pytest.mark.parametrize(
    ("said", "base"),
    [
        (config("qwen3"), QWEN3_VL),
        ({"model_type": ["qwen3_vl"], "vision_config": {}}, QWEN3_VL),
        ({"model_type": "qwen3_vl", "vision_config": None}, QWEN3_VL),
        (config("qwen3_vl"), {n: t for n, t in QWEN3_VL.items() if "visual" not in n}),
        (config("qwen3_vl"), change(PATCHES, None)),
        (config("qwen3_vl"), change(PATCHES, bf16(1152, 1536))),
        (config("qwen3_vl"), change(QKV, Tensor(dtype="F8_E4M3", shape=(3456, 1152)))),
        (config("qwen2_vl"), QWEN3_VL | {"visual.patch_embed.proj.weight": bf16(1, 3, 2, 4, 4)}),
        (config("mistral3") | {"text_config": {"model_type": "mistral4"}}, {
            "vision_tower.patch_conv.weight": bf16(1024, 3, 14, 14)
        }),
    ],
    ids=["unknown", "no word", "no config", "no tower", "no patches", "flat", "fp8", "twice", "mistral4"],
)  # fmt: skip
def test_a_tower_that_is_not_sure_to_load_is_left_out(said: dict[str, Any], base: dict[str, Tensor]) -> None:
    """Then nothing is kept, not a part: the quant is text only."""
    assert kept(said, base) == {}
    assert kept(config("qwen3_vl"), QWEN3_VL) != {}


@st.composite
def bases(draw: st.DrawFn) -> tuple[str, dict[str, Tensor]]:
    """A model_type, and a tower with a language part under names of its family."""
    model_type = draw(st.sampled_from(sorted(TOWERS)))
    tower, sizes = TOWERS[model_type], st.integers(1, 4)
    start = draw(st.sampled_from(sorted(tower.names)))
    shapes = st.lists(sizes, min_size=1, max_size=5).map(tuple)
    tensors = st.builds(Tensor, dtype=st.sampled_from(sorted(FLOATS)), shape=shapes)
    names = st.from_regex(r"blocks\.[0-9]{1,2}\.[a-z]{1,8}\.(weight|bias)", fullmatch=True)
    base = {start + name: tensor for name, tensor in draw(st.dictionaries(names, tensors)).items()}
    base |= {
        f"language_model.{name}": tensor for name, tensor in draw(st.dictionaries(names, tensors)).items()
    }
    axes = tuple(draw(st.lists(sizes, min_size=tower.patch_axes, max_size=tower.patch_axes)))
    return model_type, base | {hub_name(tower, tower.patches): bf16(*axes)}


def hub_name(tower: Tower, name: str) -> str:
    """What the base calls mlx-vlm's tensor `name`."""
    source, target = next(pair for pair in tower.names.items() if name.startswith(pair[1]))
    return source + name.removeprefix(target)


@given(bases(), st.sampled_from([None, "float16", "bfloat16", "float32"]))
def test_headers_say_what_the_values_become(drawn: tuple[str, dict[str, Tensor]], dtype: str | None) -> None:
    """Every value comes out with the dtype and shape that was said before, and loses no number."""
    model_type, base = drawn
    senses = kept(config(model_type), base, dtype)
    assert {sense.source for sense in senses.values()} == {n for n in base if not n.startswith("language")}
    for sense in senses.values():
        header = base[sense.source]
        value = mx.arange(math.prod(header.shape)).reshape(header.shape).astype(FLOATS[header.dtype])
        out = arranged(sense, value)
        assert tuple(out.shape) == sense.tensor.shape
        assert out.dtype == FLOATS[sense.tensor.dtype] == (getattr(mx, dtype) if dtype else value.dtype)
        back = mx.moveaxis(out, -1, 1) if sense.channels_last else out
        assert mx.array_equal(back, value.astype(out.dtype)).item()


# ------------------------------------------------------------------ a whole folder


def write_folder(folder: Path, said: dict[str, Any], tensors: Tensors, made_by: str = "mlx") -> Path:
    """One shard with its index, and config.json."""
    folder.mkdir(exist_ok=True)
    mx.save_safetensors(str(folder / "model.safetensors"), tensors, {"format": made_by})
    index = {"weight_map": dict.fromkeys(tensors, "model.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(said))
    return folder


def seeing_base(folder: Path) -> Path:
    """The tiny Qwen3-VL-MoE, its config as complete as the real one's."""
    write_base(folder, "qwen3_vl_moe")
    tokenizer, said = Tokenizer.from_file(str(folder / "tokenizer.json")), config_of(folder)
    said |= {
        "image_token_id": tokenizer.token_to_id("<|image_pad|>"),
        "video_token_id": tokenizer.token_to_id("<|video_pad|>"),
        "vision_start_token_id": tokenizer.token_to_id("<|vision_start|>"),
        "vision_end_token_id": tokenizer.token_to_id("<|vision_end|>"),
    }
    said["text_config"]["rope_scaling"] = {"rope_type": "default", "mrope_section": [8, 4, 4]}
    (folder / "config.json").write_text(json.dumps(said))
    return folder


def seeing_quant(base: Path, folder: Path, *, bits: int | None) -> Path:
    """mlx-lm's quant of the base, and the kept tower in the same shard."""
    how = {"quantize": True, "q_bits": bits, "q_group_size": 32} if bits else {}
    convert(str(base), str(folder), **how)
    source, said = tensors_in(base), config_of(base)
    senses = kept(said, safetensors.read_header(base / "model.safetensors"), said["torch_dtype"])
    tower = {name: arranged(sense, source[sense.source]) for name, sense in senses.items()}
    words = {key: value for key, value in config_of(folder).items() if key.startswith("quantization")}
    write_folder(folder, said | words, tensors_in(folder) | tower)
    shutil.copy(base / "preprocessor_config.json", folder)
    return folder


Quants = Callable[[int | None], Path]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing_base(tmp_path_factory.mktemp("seeing") / "base")


@pytest.fixture(scope="module")
def quant(base: Path) -> Quants:
    """The folder of the base's quant with that many bits (None: bfloat16)."""

    def of(bits: int | None) -> Path:
        folder = base.parent / f"quant-{bits}"
        return folder if folder.exists() else seeing_quant(base, folder, bits=bits)

    return of


TOKENS = [[1, 5, 9, 70, 33, 12, 7, 8]]


def test_plain_mlx_lm_loads_the_folder(base: Path, quant: Quants, tmp_path: Path) -> None:
    """With the tower in its shards it answers exactly as without: mlx-lm drops what it does not know."""
    folder = quant(4)
    assert any(name.startswith("vision_tower.") for name in tensors_in(folder))
    convert(str(base), str(tmp_path / "blind"), quantize=True, q_bits=4, q_group_size=32)
    answers = []
    for path in (folder, tmp_path / "blind"):
        model, _ = load(str(path))
        model.set_dtype(mx.float32)
        answers.append(model(mx.array(TOKENS)))
    assert mx.array_equal(*answers).item()


def picture(seed: int) -> Any:
    """64 by 64 pixels of noise."""
    image: Any = pytest.importorskip("PIL.Image").frombytes(
        "RGB", (64, 64), random.Random(seed).randbytes(12288)
    )
    return image


def seen(folder: Path, seed: int) -> mx.array:
    """mlx-vlm's logits for a prompt with a picture in it, in float32 (the CPU has no bf16 experts)."""
    vlm = pytest.importorskip("mlx_vlm.utils")
    model, processor = vlm.load(str(folder))
    model.set_dtype(mx.float32)
    prompt = "look <|vision_start|><|image_pad|><|vision_end|> at this"
    inputs = vlm.prepare_inputs(
        processor, images=[picture(seed)], prompts=prompt, image_token_index=model.config.image_token_index
    )
    inputs = {key: value for key, value in inputs.items() if key != "attention_mask"}
    logits: mx.array = model(**inputs).logits
    return logits


def distance(left: mx.array, right: mx.array) -> float:
    """Mean difference of two sets of logits, in terms of the second's mean size."""
    return float(mx.abs(left - right).mean() / mx.abs(right).mean())


def test_mlx_vlm_sees_with_the_quant_what_it_sees_with_the_base(base: Path, quant: Quants) -> None:
    """In bfloat16 a picture gives the base's very logits, at 8 bits near ones; another picture does not."""
    pytest.importorskip("mlx_vlm")
    truth = seen(base, seed=1)
    assert mx.array_equal(seen(quant(None), seed=1), truth).item()
    assert distance(seen(quant(8), seed=1), truth) < 0.05 < distance(seen(quant(8), seed=2), truth)


# ------------------------------------------------------------------ every architecture of the table

# One set of small numbers for all: each architecture takes the keys it knows.
SIZES = {
    "vocab_size": 512, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "max_position_embeddings": 2048, "attention_bias": False, "tie_word_embeddings": False,
}  # fmt: skip
TEXT = SIZES | {
    "head_dim": 32, "rope_scaling": {"rope_type": "default", "mrope_section": [8, 4, 4]}, "eos_token_id": 5,
    "num_experts_per_tok": 2, "moe_intermediate_size": 64, "shared_expert_intermediate_size": 64,
    "decoder_sparse_step": 1, "mlp_only_layers": [], "norm_topk_prob": True,
    "linear_conv_kernel_dim": 4, "linear_key_head_dim": 32, "linear_value_head_dim": 32,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "full_attention_interval": 2,
    "rope_parameters": {
        "rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4, "partial_rotary_factor": 0.25,
        "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 1024,
    },
    "num_local_experts": 4, "interleave_moe_layer_step": 2, "intermediate_size_mlp": 256,
    "attention_chunk_size": 64, "no_rope_layers": [1, 1, 1, 0],
}  # fmt: skip
VISION = {
    "depth": 2, "embed_dim": 64, "hidden_size": 64, "intermediate_size": 128, "num_heads": 2,
    "in_channels": 3, "patch_size": 4, "temporal_patch_size": 2, "spatial_merge_size": 2,
    "out_hidden_size": 128, "num_position_embeddings": 64, "fullatt_block_indexes": [1],
    "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 32, "image_size": 32, "num_channels": 3,
    "pixel_shuffle_ratio": 0.5, "projector_input_dim": 64, "projector_output_dim": 64, "norm_eps": 1e-5,
    "vision_output_dim": 64, "rope_theta": 1e4, "initializer_range": 0.02, "vision_feature_layer": -1,
    "vision_feature_select_strategy": "default", "multi_modal_projector_bias": False,
    "projector_dropout": 0.0, "attention_dropout": 0.0,
}  # fmt: skip


def tiny(model_type: str, text: dict[str, Any], vision: dict[str, Any] | None = None) -> dict[str, Any]:
    """A config with its text part nested, as all but Qwen2's have it."""
    return {
        "model_type": model_type,
        "image_token_index": 10,
        "text_config": {**TEXT, "model_type": f"{model_type}_text"} | text,
        "vision_config": {**VISION, "model_type": model_type} | (vision or {}),
    }


MOE, DEEP = {"num_experts": 4}, {"deepstack_visual_indexes": [0]}
TIED, NO_SCALING = {"tie_word_embeddings": True}, {"rope_scaling": None}
ROTARY = {"rope_scaling": {"type": "mrope", "mrope_section": [8, 4, 4]}}
PIXTRAL = {"model_type": "pixtral"}
CONFIGS: dict[str, dict[str, Any]] = {
    "qwen2_vl": tiny("qwen2_vl", {}, {"hidden_size": 128}) | SIZES | ROTARY,
    "qwen2_5_vl": tiny("qwen2_5_vl", {}) | SIZES | ROTARY,
    "qwen3_vl": tiny("qwen3_vl", {}, DEEP),
    "qwen3_vl, tied": tiny("qwen3_vl", TIED, DEEP) | TIED,
    "qwen3_vl_moe": tiny("qwen3_vl_moe", MOE, DEEP),
    "qwen3_5": tiny("qwen3_5", {}),
    "qwen3_5_moe": tiny("qwen3_5_moe", MOE),
    "mistral3": tiny("mistral3", NO_SCALING | {"model_type": "mistral"}, PIXTRAL),
    "mistral3, ministral3": tiny("mistral3", NO_SCALING | {"model_type": "ministral3"}, PIXTRAL),
    "llama4": tiny("llama4", NO_SCALING | {"num_experts_per_tok": 1, "use_qk_norm": True}),
}


def language_of(said: dict[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    """mlx-lm's model of this config, quantized unevenly: its tensors, and config.json's words on them."""
    mx.random.seed(1)
    model_class, args_class = mlx_lm_utils._get_classes(said)
    model: nn.Module = model_class(args_class.from_dict(json.loads(json.dumps(said))))
    words: dict[str, Any] = {"group_size": 32, "bits": 4, "mode": "affine"}

    def predicate(path: str, module: nn.Module) -> dict[str, Any] | bool:
        if not hasattr(module, "to_quantized") or module.weight.shape[-1] % 32:
            return False
        words[path] = {"group_size": 32, "bits": 6 if "attn" in path else 8, "mode": "affine"}
        return cast("dict[str, Any]", words[path])

    nn.quantize(model, class_predicate=predicate)
    return dict(tree_flatten(model.parameters())), {"quantization": words, "quantization_config": words}


def tower_of(said: dict[str, Any], language: Tensors) -> Tensors:
    """Random values for the tensors that mlx-vlm has beside mlx-lm's, under the base's names and layouts."""
    vlm, tower = pytest.importorskip("mlx_vlm.utils"), TOWERS[said["model_type"]]
    package, _ = vlm.get_model_and_args(said)
    said = json.loads(json.dumps({"text_config": {}} | said))
    model_config = package.ModelConfig.from_dict(said)
    model = package.Model(vlm.update_module_configs(model_config, package, said, ["text", "vision"]))
    shapes = {name: value.shape for name, value in tree_flatten(model.parameters()) if name not in language}
    values = {name: mx.random.normal(shape) for name, shape in shapes.items()}
    if tower.patch_axes > 2:
        values[tower.patches] = mx.moveaxis(values[tower.patches], -1, 1)
    return {hub_name(tower, name): value for name, value in values.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_holds_for_both_libraries(name: str, tmp_path: Path) -> None:
    """mlx-vlm leaves the quant's tensors as they are, makes the same of the base's, answers as mlx-lm."""
    vlm, said = pytest.importorskip("mlx_vlm.utils"), CONFIGS[name]
    language, words = language_of(said)
    hub = tower_of(said, language)
    headers = {n: Tensor(dtype="F32", shape=tuple(value.shape)) for n, value in (language | hub).items()}
    tower = {n: arranged(sense, hub[sense.source]) for n, sense in kept(said, headers).items()}
    folder = write_folder(tmp_path / "quant", said | words, language | tower)
    model = vlm.load_model(folder)
    same(dict(tree_flatten(model.parameters())), language | tower)
    original = vlm.load_model(write_folder(tmp_path / "hub", said | words, language | hub, made_by="pt"))
    same(dict(tree_flatten(original.parameters())), language | tower)
    caches = pytest.importorskip("mlx_vlm.models.cache").make_prompt_cache(model.language_model)
    theirs = model.language_model(mx.array(TOKENS), cache=caches).logits
    ours = mlx_lm_utils.load_model(folder)[0](mx.array(TOKENS))
    assert mx.allclose(ours, theirs, atol=1e-4).item()


def test_every_architecture_of_the_table_is_tried() -> None:
    """A new row in TOWERS needs a config here."""
    assert {said["model_type"] for said in CONFIGS.values()} == TOWERS.keys()


def same(left: Tensors, right: Tensors) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert mx.array_equal(value, right[name]).item(), name
