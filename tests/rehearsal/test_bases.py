"""What the rehearsal bases promise: small, complete, real layouts, able to talk and to stop."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

from bot.errors import NotFound
from bot.hub.store import Store
from bot.rehearsal import architectures
from bot.rehearsal.bases import BASES, Base, base_files, bases_folder
from bot.rehearsal.seed import seed

MOST_BYTES = 12_000_000
EVERY_BASE = pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
PARTS_OF_A_BASE = {
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "LICENSE", "README.md",
}  # fmt: skip


def tensors(base: Base) -> dict[str, tuple[list[int], str]]:
    """Name -> (shape, dtype) of every tensor in the base's checkpoint."""
    with safe_open(base_files(base.name)["model.safetensors"], "numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  not a dict
        return {name: (s.get_shape(), s.get_dtype()) for name, s in slices.items()}


def test_the_bases_are_small_enough_for_git() -> None:
    """All five together take at most 12 MB."""
    assert sum(p.stat().st_size for p in bases_folder().rglob("*") if p.is_file()) <= MOST_BYTES


def test_the_bases_are_the_ones_the_training_script_makes() -> None:
    """Names and model types here and in the training script are the same, in the same order."""
    assert [(b.name, b.model_type) for b in BASES] == [
        (a.name, a.model_type) for a in architectures.ARCHITECTURES
    ]


def test_an_unknown_base_is_said_to_be_unknown() -> None:
    """A wrong name gets the list of right ones."""
    with pytest.raises(NotFound, match="Tiny-Qwen3"):
        base_files("Tiny-Llama")


@EVERY_BASE
def test_a_base_has_all_the_files_of_a_real_repo(base: Base) -> None:
    """Weights, configs, tokenizer, chat template, license and card are there."""
    assert set(base_files(base.name)) >= PARTS_OF_A_BASE


@EVERY_BASE
def test_a_card_names_its_license_and_says_what_it_is(base: Base) -> None:
    """The card's metadata is complete and its first line says that this is a rehearsal stand-in."""
    _, metadata, text = base_files(base.name)["README.md"].read_text().split("---\n", 2)
    fields = yaml.safe_load(metadata)
    assert {"license", "language", "pipeline_tag", "tags"} <= set(fields)
    assert text.splitlines()[0].startswith("This is a rehearsal stand-in made by qx-bot, not a real model")
    assert fields["license"] == "mit"
    assert base_files(base.name)["LICENSE"].read_text().startswith("MIT License")


@EVERY_BASE
def test_every_end_token_is_in_both_configs(base: Base) -> None:
    """The tokens that end a turn are the eos tokens of config and generation config alike."""
    files = base_files(base.name)
    vocabulary = {
        t["content"]: t["id"] for t in json.loads(files["tokenizer.json"].read_text())["added_tokens"]
    }
    wanted = [vocabulary[t] for t in architectures.BY_MODEL_TYPE[base.model_type].end_tokens]
    for name in ("config.json", "generation_config.json"):
        assert json.loads(files[name].read_text())["eos_token_id"] == wanted


ODD_PARTS = {
    "qwen3": ["model.layers.4.self_attn.q_norm.weight", "lm_head.weight"],
    "lfm2_moe": [
        "model.layers.0.conv.conv.weight", "model.layers.0.feed_forward.w1.weight",
        "model.layers.1.self_attn.out_proj.weight", "model.layers.1.feed_forward.experts.3.w2.weight",
        "model.layers.1.feed_forward.expert_bias", "model.embedding_norm.weight",
    ],
    "glm4_moe": [
        "model.layers.0.mlp.gate_proj.weight", "model.layers.1.mlp.shared_experts.up_proj.weight",
        "model.layers.1.mlp.experts.3.down_proj.weight", "model.layers.1.mlp.gate.e_score_correction_bias",
        "model.layers.1.self_attn.q_proj.bias", "model.layers.5.eh_proj.weight",
    ],
    "qwen3_vl_moe": [
        "model.language_model.layers.0.mlp.experts.gate_up_proj", "model.visual.blocks.0.attn.qkv.weight",
        "model.language_model.layers.0.mlp.gate.weight", "model.visual.merger.linear_fc2.bias",
    ],
    "gpt_oss": [
        "model.layers.0.mlp.experts.gate_up_proj_blocks", "model.layers.0.mlp.experts.gate_up_proj_scales",
        "model.layers.0.mlp.experts.down_proj_bias", "model.layers.0.self_attn.sinks",
        "model.layers.0.self_attn.o_proj.bias", "model.layers.0.mlp.router.bias",
    ],
}  # fmt: skip


@EVERY_BASE
def test_a_base_has_the_odd_parts_of_its_family(base: Base) -> None:
    """Tensors stand under the names that transformers gives them, the odd ones included."""
    there = tensors(base)
    assert [name for name in ODD_PARTS[base.model_type] if name not in there] == []
    layers = {int(found[1]) for name in there if (found := re.search(r"\.layers\.(\d+)\.", name))}
    assert len(layers) >= 5


def test_the_experts_of_gpt_oss_are_stored_in_mxfp4() -> None:
    """Blocks of 32 weights in 16 bytes with one scale byte each, as OpenAI stores them."""
    base = next(b for b in BASES if b.model_type == "gpt_oss")
    there = tensors(base)
    experts = "model.layers.0.mlp.experts."
    blocks, dtype = there[f"{experts}gate_up_proj_blocks"]
    assert (blocks[2:], dtype) == ([4, 16], "U8")
    assert there[f"{experts}gate_up_proj_scales"] == (blocks[:3], "U8")
    config = json.loads(base_files(base.name)["config.json"].read_text())
    assert config["quantization_config"]["quant_method"] == "mxfp4"


@EVERY_BASE
def test_sizes_suit_every_group_size(base: Base) -> None:
    """Rows of every weight that is quantized are a multiple of 64 long."""
    odd = {
        name: shape
        for name, (shape, dtype) in tensors(base).items()
        if name.endswith("proj.weight") and ".visual." not in name and dtype != "U8" and shape[-1] % 64
    }
    assert odd == {}


def test_no_two_bases_have_the_same_weights() -> None:
    """Each base is a model of its own."""
    digests = {
        hashlib.sha256(base_files(b.name)["model.safetensors"].read_bytes()).hexdigest() for b in BASES
    }
    assert len(digests) == len(BASES)


def test_seeding_twice_changes_nothing(tmp_path: Path) -> None:
    """A Hub that holds a base and the datasets already keeps their revisions."""
    store = Store(tmp_path)
    seed(store, ("Tiny-Qwen3",))
    base, data = "rehearsal-bases/Tiny-Qwen3", "allenai/ai2_arc"
    before = store.resolve("model", base), store.resolve("dataset", data)
    seed(store, ("Tiny-Qwen3",))
    assert (store.resolve("model", base), store.resolve("dataset", data)) == before
    assert store.repos("model") == [base]
