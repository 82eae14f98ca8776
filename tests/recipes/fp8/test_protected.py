"""What an FP8 release protects, in the forms in use; and the recipe that copies it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UnsuitableBase, UsageError
from bot.recipes import InventoryRequest
from bot.recipes.fp8.declared import covered
from bot.recipes.fp8.protected import Protected, protected
from bot.recipes.fp8.protecting import default_name, protecting, recipe_text, two_widths
from bot.recipes.fp8.stored import FLOATS
from bot.recipes.headers import local_headers
from bot.recipes.inventory import read
from bot.recipes.names import parse
from bot.recipes.recipe import layer_of
from bot.safetensors import Tensor
from tests.models import MODEL_TYPES, write_base
from tests.recipes.fp8 import releases
from tests.recipes.fp8.releases import (
    ATTENTION,
    DENSE,
    WIDE,
    Release,
    at_high,
    ends,
    experts,
    layered,
    stored,
)
from tests.recipes.reading import read_back

SOURCE = "someone/Base-FP8@" + "a" * 40
LIKE = parse("qx86-hi")
HIGH, LOW = two_widths(LIKE)
NAME = default_name(LIKE)

FORMS: dict[str, Callable[[], Release]] = {
    "qwen3_next": releases.qwen3_next,
    "deepseek_v32": releases.deepseek_v32,
    "redhat_vision": releases.redhat_vision,
    "redhat_experts": releases.redhat_experts,
    "modelopt": releases.modelopt,
    "fbgemm": releases.fbgemm,
    "torchao": releases.torchao,
    "minimax": releases.minimax,
}


def found_in(release: Release) -> Protected:
    return protected(release.config, release.hf_quant, release.headers)


def inner(release: Release) -> set[str]:
    """mlx-lm's modules of the release that are neither head, embeddings, routers nor vision."""
    aside = re.compile(r"(gate|lm_head|embed_tokens)$|visual|^mtp|layers\.3\.(eh_proj|shared_head)")
    return {path for path in releases.modules_of(release) if not aside.search(path)}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_release_keeps_as_floats_is_at_h_and_nothing_else(form: str) -> None:
    """In every form in use: H for the modules kept, under mlx-lm's names; D for the other ones."""
    release = FORMS[form]()
    recipe = protecting(LIKE, found_in(release), SOURCE)
    n_layers = release.config.get("num_hidden_layers", 3)
    paths = {path for path in inner(release) if (layer_of(path) or 0) < n_layers}
    assert set(release.kept) <= paths
    assert at_high(recipe, paths, HIGH) == set(release.kept)
    assert at_high(recipe, paths, LOW) == paths - set(release.kept)


@pytest.mark.parametrize("form", FORMS)
def test_lists_and_headers_that_agree_are_not_said_to_disagree(form: str) -> None:
    """Globs, regular expressions, classes, wrapped names: what a list covers is recognized."""
    assert found_in(FORMS[form]()).contradictions == ()


@pytest.mark.parametrize("form", FORMS)
def test_the_rest_is_as_in_the_recipe_that_is_followed(form: str) -> None:
    """Routers stay at 8 bits, head and embeddings at H, whatever the release does with them."""
    recipe = protecting(LIKE, found_in(FORMS[form]()), SOURCE)
    ends_ = {"lm_head", "model.embed_tokens", "language_model.model.embed_tokens"}
    assert at_high(recipe, ends_, HIGH) == ends_
    routers = {"model.layers.1.mlp.gate", "model.layers.1.mlp.shared_expert_gate"}
    assert at_high(parse("qx54"), routers, parse("q8").default or LOW) == routers


def test_short_rules_a_reader_understands() -> None:
    """Meta's release: all attention, and the feed-forward of the first and the last layer, in two rules."""
    recipe = protecting(LIKE, found_in(releases.fbgemm()), SOURCE)
    attention, feed_forward = (rule for rule in recipe.rules if "(" in rule.role)
    assert attention.role == "attention (self_attn.k_proj, o_proj, q_proj, v_proj)"
    assert attention.pattern == r"\d\.self_attn\.(k_proj|o_proj|q_proj|v_proj)$"
    assert attention.layers is None
    assert attention.required
    assert feed_forward.pattern == r"\d\.mlp\.(down_proj|gate_proj|up_proj)$"
    assert feed_forward.layers is not None
    assert feed_forward.layers.only == (0, 3)


def test_a_recipe_without_protected_attention_still_asks_for_attention() -> None:
    """A base where nothing matches attention is refused, as with the recipe that is followed."""
    recipe = protecting(LIKE, found_in(releases.minimax()), SOURCE)
    required = [rule for rule in recipe.rules if rule.required]
    assert [(rule.role, rule.wanted, rule.layers) for rule in required] == [("attention", LOW, None)]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("config", "dtype", "says"),
    [
        ({}, "BF16", "is no FP8 release: its configuration names no quantization, its weights are BF16"),
        ({"quant_method": "gptq", "bits": 4}, "I32", "calls itself 'gptq'"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "U8", "calls itself 'modelopt, NVFP4'"),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized"},
            "I32",
            "calls itself 'compressed-tensors, pack-quantized', its weights are I32",
        ),
    ],
)
def test_what_is_not_fp8_is_refused_by_its_own_name(config: dict[str, Any], dtype: str, says: str) -> None:
    """The sentence says what its configuration calls it and how its weights are stored."""
    headers = {"model.layers.0.self_attn.q_proj.weight": Tensor(dtype=dtype, shape=(8, 8))}
    with pytest.raises(UnsuitableBase, match=re.escape(says)):
        protected({"quantization_config": config}, None, headers)


def test_scales_in_fp8_do_not_make_a_release_fp8() -> None:
    """NVFP4 stores its scales in FP8; its weights are four bits."""
    headers = {
        "model.layers.0.mlp.up_proj.weight": Tensor(dtype="U8", shape=(8, 4)),
        "model.layers.0.mlp.up_proj.weight_scale": Tensor(dtype="F8_E4M3", shape=(8, 1)),
        "model.layers.0.self_attn.q_proj.weight": Tensor(dtype="BF16", shape=(8, 8)),
    }
    with pytest.raises(UnsuitableBase, match="no FP8 release"):
        protected({}, None, headers)


def test_a_release_that_protects_nothing_in_its_layers_enhances_nothing_there() -> None:
    """Qwen3-8B-FP8 keeps its head, embeddings and norms: head and embeddings at H, all attention at D."""
    release = releases.qwen3_dense()
    recipe = protecting(LIKE, found_in(release), SOURCE)
    assert at_high(recipe, inner(release), HIGH) == set()
    assert at_high(recipe, {"lm_head", "model.embed_tokens"}, HIGH) == {"lm_head", "model.embed_tokens"}
    assert "nothing is enhanced" in recipe.about
    assert "keeps nothing as floats that a recipe could enhance" in recipe_text(
        LIKE, found_in(release), SOURCE
    )


def test_pickles_are_refused() -> None:
    """Without headers nothing says what was kept."""
    with pytest.raises(UnsuitableBase, match="no weights in safetensors"):
        protected({"quantization_config": {"quant_method": "fp8"}}, None, {})


@pytest.mark.parametrize("name", ["q8", "q6-hi", "mxfp4", "bf16", "qx66", "qx88-hi"])
def test_a_recipe_of_one_width_cannot_be_followed(name: str) -> None:
    """Without an H above D nothing could be protected."""
    with pytest.raises(UsageError, match="--like qx86-hi"):
        recipe_text(parse(name), found_in(releases.fbgemm()), SOURCE)


# ------------------------------------------------------------------ where lists and headers differ


def test_the_headers_are_believed_where_a_list_says_otherwise() -> None:
    """k_proj is listed and quantized, o_proj is kept and in no list: both are said, o_proj is at H."""
    modules = ends(layered(range(2), (*ATTENTION, *DENSE)))
    config = {
        "num_hidden_layers": 2,
        "quantization_config": {"quant_method": "fp8", "modules_to_not_convert": ["lm_head", "k_proj"]},
    }
    headers = stored(modules, re.compile(r"o_proj|lm_head|embed").search)
    found = protected(config, None, headers)
    assert at_high(
        protecting(LIKE, found, SOURCE), inner(Release(config=config, headers=headers)), HIGH
    ) == set(layered(range(2), ("self_attn.o_proj",)))
    belied, unlisted = found.contradictions
    assert belied.startswith("2 modules are listed as left alone and yet quantized (F8_E4M3)")
    assert "model.layers.1.self_attn.k_proj" in belied
    assert unlisted.startswith("2 modules are in no list and yet kept as floats (BF16)")
    assert "model.layers.0.self_attn.o_proj" in unlisted


def test_experts_kept_in_part_give_no_rule() -> None:
    """mlx-lm stacks a layer's experts; one of three kept cannot be at H alone, and the file says so."""
    modules = ends(layered(range(2), (*ATTENTION, *experts("mlp"))))
    headers = stored(modules, re.compile(r"0\.mlp\.experts\.1\.|o_proj|lm_head|embed").search)
    found = protected({"num_hidden_layers": 2}, None, headers)
    assert [role.tail for role in found.roles] == ["self_attn.o_proj"]
    partly = next(each for each in found.unruled if "experts" in each.reason)
    assert (partly.modules, len(partly.tails)) == (3, 3)


def test_a_float_with_a_scale_beside_it_was_quantized() -> None:
    """Some releases store the values that FP8 can hold in a wider type, with their scales."""
    headers = stored(layered((0,), (*ATTENTION, *DENSE)), re.compile("o_proj|v_proj").search)
    headers["model.layers.0.self_attn.v_proj.weight_scale_inv"] = Tensor(dtype="F32", shape=(1,))
    assert [role.tail for role in protected({}, None, headers).roles] == ["self_attn.o_proj"]


def test_stacked_experts_are_read_without_a_weight_behind_their_name() -> None:
    """Parameters in three dimensions, quantized where a scale stands beside them."""
    headers = stored(layered((0, 1), ATTENTION), lambda _: False)
    for layer, dtype in ((0, "BF16"), (1, "F8_E4M3")):
        for leaf in ("gate_up_proj", "down_proj"):
            name = f"model.layers.{layer}.mlp.experts.{leaf}"
            headers[name] = Tensor(dtype=dtype, shape=(4, WIDE, WIDE))
            headers[f"{name}_bias"] = Tensor(dtype="BF16", shape=(4, WIDE))
    recipe = protecting(LIKE, protected({}, None, headers), SOURCE)
    paths = {
        f"model.layers.{layer}.mlp.{stack}.{leaf}"
        for layer in (0, 1)
        for stack in ("switch_mlp", "experts")
        for leaf in ("gate_proj", "up_proj", "down_proj")
    }
    assert at_high(recipe, paths, HIGH) == {path for path in paths if ".0." in path}


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        ("lm_head", ["lm_head"]),
        ("model.layers.1.mlp.gate", ["model.layers.1.mlp.gate"]),
        ("layers.1.mlp.gate.weight", ["model.layers.1.mlp.gate"]),
        ("model.layers.1", ["model.layers.1.mlp.gate", "model.layers.1.mlp.gate_proj"]),
        ("mlp.gate", ["model.layers.1.mlp.gate", "model.layers.11.mlp.gate"]),
        ("model.layers.*.mlp.gate", ["model.layers.1.mlp.gate", "model.layers.11.mlp.gate"]),
        ("model.layers.1.*", ["model.layers.1.mlp.gate", "model.layers.1.mlp.gate_proj"]),
        ("model.layers.11*", ["model.layers.11.mlp.gate"]),
        ("re:.*mlp.gate$", ["model.layers.1.mlp.gate", "model.layers.11.mlp.gate"]),
        ("re:.*lm_head", ["lm_head"]),
        (r"model\.layers\.\d\.mlp", ["model.layers.1.mlp.gate", "model.layers.1.mlp.gate_proj"]),
        ("language_model.lm_head", ["lm_head"]),
        ("Linear", []),
        ("re:(", []),
    ],
)
def test_what_an_entry_of_a_list_covers(entry: str, covers: list[str]) -> None:
    """Each form an entry may have, against paths that it must and must not cover."""
    paths = ["model.layers.1.mlp.gate", "model.layers.11.mlp.gate", "model.layers.1.mlp.gate_proj", "lm_head"]
    assert covered([entry], paths).paths == set(covers)


def test_a_strangers_pattern_cannot_hang_the_bot() -> None:
    """A regular expression that would take longer than the age of the sun is given up, and named."""
    hostile, fine = r"re:(\w|[a-z_.0-9]|.)*0\Z", "re:.*q_proj"
    paths = ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj"]
    start = time.monotonic()
    found = covered([fine, hostile], paths, seconds=0.5)
    assert time.monotonic() - start < 10
    assert (found.paths, found.unread) == (frozenset(paths[:1]), (hostile,))


# ------------------------------------------------------------------ the file


@pytest.mark.parametrize("form", FORMS)
def test_the_file_reads_back_to_the_same_recipe(form: str) -> None:
    """Rules, dtype and about survive being written and read; twice written is the same text."""
    found = found_in(FORMS[form]())
    text = recipe_text(LIKE, found, SOURCE)
    assert read_back(text, NAME) == protecting(LIKE, found, SOURCE)
    assert text == recipe_text(LIKE, found, SOURCE)
    assert all(len(line) <= 108 for line in text.splitlines() if not line.startswith("    pattern"))


def test_the_file_says_where_it_comes_from_and_what_gave_no_rule() -> None:
    """Source, method, lists, dtypes; routers, vision and the head, each with its reason."""
    text = recipe_text(LIKE, found_in(releases.redhat_vision()), SOURCE)
    for said in (
        SOURCE, "compressed-tensors, float-quantized", "quantization_config.ignore (4 entries)",
        "27 F8_E4M3", "attention (self_attn.k_proj, o_proj, q_proj, v_proj) wherever it stands: 12 modules",
        "attn.qkv",
        "routers: they have a rule of their own (mlp.gate)", "the head: it has a rule of its own (lm_head)",
    ):  # fmt: skip
        assert said in " ".join(text.replace("\n#", " ").split()), said
    assert SOURCE in read_back(text, NAME).about


def test_hostile_words_stay_inside_their_comment() -> None:
    """Line breaks in a configuration's words do not become rules."""
    release = releases.fbgemm()
    release.config["quantization_config"]["quant_method"] = "fp8\nrules: []\n\u2028dtype: float32\x85"
    text = recipe_text(LIKE, found_in(release), SOURCE)
    assert read_back(text, NAME).rules == protecting(LIKE, found_in(releases.fbgemm()), SOURCE).rules


TAILS = (
    *ATTENTION, *DENSE, "linear_attn.in_proj_ba", "self_attn.indexer.wk", "mlp.shared_experts.up_proj",
    *experts("mlp", 2), "conv.in_proj", "in_proj", "feed_forward.w1",
)  # fmt: skip
LIKES = st.sampled_from(("qx86-hi", "qx64", "qx53g", "qx85n-hi", "qx32gx"))


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 12), st.sets(st.sampled_from(TAILS), min_size=1), LIKES)
def test_whatever_is_kept_is_at_h_and_nothing_else(
    data: st.DataObject, n_layers: int, tails: set[str], name: str
) -> None:
    """For any choice of modules and layers, read back from the file."""
    modules = layered(range(n_layers), sorted(tails))
    kept = data.draw(st.sets(st.sampled_from(modules), min_size=1))
    headers = stored(("lm_head", *modules), kept.__contains__)
    like = parse(name)
    whole = {path: releases.mlx_path(path) for path in modules}
    split = {at for path, at in whole.items() if path not in kept}
    high = {at for path, at in whole.items() if path in kept and at not in split}
    try:
        found = protected({"num_hidden_layers": n_layers}, None, headers)
    except UnsuitableBase:
        assert not high
        return
    recipe = read_back(recipe_text(like, found, SOURCE), NAME)
    assert at_high(recipe, set(whole.values()), two_widths(like)[0]) == high


# ------------------------------------------------------------------ against mlx-lm


ATTENTION_ONLY = r"self_attn"
ALL_BUT_ATTENTION = r"experts|feed_forward|mlp"
CASES = [
    *((model_type, ATTENTION_ONLY) for model_type in MODEL_TYPES),
    *((model_type, ALL_BUT_ATTENTION) for model_type in MODEL_TYPES if model_type != "gpt_oss"),
]
"""gpt-oss has nothing but experts beside attention, and brings them quantized."""


@pytest.mark.parametrize(("model_type", "kept"), CASES)
def test_rules_find_what_mlx_lm_calls_the_kept_modules(model_type: str, kept: str, tmp_path: Path) -> None:
    """On each seed architecture, a release that keeps attention, or all but attention: just these of
    mlx-lm's own modules are at H."""
    keeps = re.compile(kept)
    base = write_base(tmp_path / "base", model_type)
    tensors = local_headers(base, model_type)
    released = {
        name: msgspec.structs.replace(tensor, dtype="F8_E4M3")
        if tensor.dtype in FLOATS and len(tensor.shape) > 1 and not keeps.search(name)
        else tensor
        for name, tensor in tensors.items()
    }
    config = (base / "config.json").read_text()
    recipe = protecting(LIKE, protected(msgspec.json.decode(config), None, released), SOURCE)
    request = InventoryRequest(base=model_type, config=config, tensors=tensors)
    parts = [part.path for part in read(request, lambda _: None).parts if part.packs and part.stored is None]
    aside = re.compile(r"(gate|router|lm_head|embed_tokens)$")
    paths = {path for path in parts if not aside.search(path)}
    assert at_high(recipe, paths, HIGH) == {path for path in paths if keeps.search(path)} != set()
