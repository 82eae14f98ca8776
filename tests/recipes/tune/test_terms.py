"""What is tuned on a base, what it costs, and the recipe that a choice of widths becomes."""

from __future__ import annotations

import functools
import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UnsuitableBase, UsageError
from bot.recipes import InventoryRequest
from bot.recipes.bases import of_folder
from bot.recipes.files import read_recipe
from bot.recipes.inventory import read
from bot.recipes.layout import Inventory, Part, lay
from bot.recipes.names import parse
from bot.recipes.recipe import WIDTHS
from bot.recipes.tune import Block, TuneRequest, budget
from bot.recipes.tune.blocks import blocks
from bot.recipes.tune.steps import steps
from bot.recipes.tune.terms import Terms, best, terms
from bot.recipes.writing import recipe_file
from bot.records import Layers, Quantization, Recipe, Rule
from bot.rehearsal.bases import BASES, bases_folder
from bot.safetensors import Tensor

NAMES = [base.name for base in BASES]
LIKE = parse("qx64-hi")


@functools.cache
def inventory_of(base: str) -> Inventory:
    described = of_folder(bases_folder() / base)
    return read(
        InventoryRequest(base=base, config=described.config, tensors=described.tensors), lambda _: None
    )


def terms_of(base: str, asked: str = "like", like: Recipe = LIKE) -> Terms:
    request = TuneRequest(folder="", base=base, identity="", like=like, name="tuned", budget=asked)
    return terms(request, inventory_of(base))


def affine(bits: int, group_size: int = 32) -> Quantization:
    return Quantization(bits=bits, group_size=group_size)


def of_modules(*paths: str) -> Inventory:
    """A base of square modules."""
    parts = (
        Part(path=path, tensors={f"{path}.weight": Tensor(dtype="BF16", shape=(64, 64))}, packs=True)
        for path in paths
    )
    return Inventory(base="someone/Base", model_type="some", parts=tuple(parts))


# ------------------------------------------------------------------ blocks


def test_the_blocks_of_a_mixture_of_experts() -> None:
    """Tiny-GLM4-MoE: attention, the dense layer, experts and shared experts of each layer; no router."""
    named = {block.name: (block.role, len(block.paths)) for block in terms_of("Tiny-GLM4-MoE").blocks}
    assert named == {
        "model.embed_tokens": ("embeddings", 1),
        "lm_head": ("head", 1),
        "model.layers.0.mlp": ("mlp", 3),
        **{f"model.layers.{layer}.self_attn": ("attention", 4) for layer in range(5)},
        **{f"model.layers.{layer}.mlp.switch_mlp": ("switch_mlp", 3) for layer in range(1, 5)},
        **{f"model.layers.{layer}.mlp.shared_experts": ("shared experts", 3) for layer in range(1, 5)},
    }


def test_short_convolutions_are_blocks_and_tied_embeddings_are_the_head() -> None:
    """Tiny-LFM2-MoE: its convolution layers have projections, and there is no lm_head."""
    named = {block.name: block.role for block in terms_of("Tiny-LFM2-MoE").blocks}
    assert named["model.embed_tokens"] == "head"
    assert {name for name, role in named.items() if role == "conv"} == {
        f"model.layers.{layer}.conv" for layer in (0, 2, 4)
    }


def test_what_the_source_stores_quantized_is_left_as_it_is() -> None:
    """gpt-oss's MXFP4 experts are no block, unless the recipe followed requantizes them."""
    requantizing = msgspec.structs.replace(LIKE, requantize=True)
    kept = {block.role for block in terms_of("Tiny-GPT-OSS").blocks}
    opened = {block.role for block in terms_of("Tiny-GPT-OSS", like=requantizing).blocks}
    assert kept == {"embeddings", "head", "attention"}
    assert opened == kept | {"experts"}


def test_experts_that_are_single_modules_share_one_width() -> None:
    """However many numbers their paths have; a module that is itself numbered is a block of its own."""
    found = blocks(
        of_modules(
            "model.layers.3.mlp.experts.0.up_proj",
            "model.layers.3.mlp.experts.1.up_proj",
            "model.layers.3.self_attn.q_proj",
            "model.projector.0",
        ),
        LIKE,
    )
    assert [(block.name, block.pattern, len(block.paths)) for block in found] == [
        ("model.layers.3.mlp.experts.*", r"\.mlp\.experts\.\d+\.", 2),
        ("model.layers.3.self_attn", r"\.self_attn\.", 1),
        ("model.projector.0", r"^model\.projector\.\d+$", 1),
    ]


def test_two_stacks_of_layers_are_told_apart() -> None:
    """The same names under two parents need the whole path in their patterns."""
    found = blocks(of_modules("encoder.layers.0.self_attn.q_proj", "decoder.layers.0.self_attn.q_proj"), LIKE)
    assert [block.pattern for block in found] == [
        r"^encoder\.layers\.\d+\.self_attn\.[^.]+$",
        r"^decoder\.layers\.\d+\.self_attn\.[^.]+$",
    ]


def test_a_recipe_without_widths_to_choose_is_refused() -> None:
    """mxfp4 has one width, bf16 none."""
    for name in ("mxfp4", "bf16"):
        with pytest.raises(UsageError, match=f"^--like {name}: .* no widths to choose: take qx64-hi$"):
            terms_of("Tiny-Qwen3", like=parse(name))


def test_a_base_in_which_nothing_can_vary_is_refused() -> None:
    """As when all that could be packed is kept."""
    keeps = Recipe(
        name="keeps",
        rules=(Rule(role="all", pattern="proj"), Rule(role="data", pattern="", wanted=affine(4))),
    )
    with pytest.raises(UnsuitableBase, match="someone/Base: nothing in it can be given other widths"):
        blocks(of_modules("model.layers.0.self_attn.q_proj"), keeps)


# ------------------------------------------------------------------ the recipe


@pytest.mark.parametrize("base", NAMES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_file_gives_each_block_its_width_and_the_rest_what_it_had(base: str, data: st.DataObject) -> None:
    """Whatever widths are chosen, read back from the file that people edit, on each architecture."""
    held = terms_of(base)
    bits = data.draw(st.lists(st.sampled_from(WIDTHS), min_size=len(held.blocks), max_size=len(held.blocks)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tuned.yaml"
        path.write_text(recipe_file(held.recipe(bits), ["a comment"]))
        recipe = read_recipe(path)
    assert recipe == held.recipe(bits)
    chosen = {path: width for block, width in zip(held.blocks, bits, strict=True) for path in block.paths}
    before = {fate.path: fate.quantization for fate in held.like_layout.fates}
    for fate in lay(recipe, held.inventory).fates:
        if fate.path in chosen:
            assert fate.quantization == affine(chosen[fate.path])
        else:
            assert fate.quantization == before[fate.path]


def test_layers_are_named_only_where_they_differ() -> None:
    """A rule that holds everywhere reads as one."""
    held = terms_of("Tiny-Qwen3")
    widths = [8 if block.name == "model.layers.2.mlp" else 4 for block in held.blocks]
    said = {(rule.pattern, rule.wanted.bits if rule.wanted else None): rule.layers
            for rule in held.recipe(widths).rules}  # fmt: skip
    assert said[r"\.self_attn\.", 4] is None
    assert said[r"\.mlp\.", 8] == Layers(only=(2,))
    assert said[r"\.mlp\.", 4] == Layers(only=(0, 1, 3, 4))


def test_what_the_followed_recipe_keeps_stays_a_float() -> None:
    """A module that it leaves out is no part of any block, and the tuned recipe leaves it out too."""
    keeps = Recipe(
        name="keeps",
        rules=(
            Rule(role="values", pattern=r"\.v_proj$", layers=Layers(first=2)),
            Rule(role="data", pattern="", wanted=affine(4)),
        ),
    )
    held = terms_of("Tiny-Qwen3", like=keeps)
    laid = lay(held.recipe([4] * len(held.blocks)), held.inventory)
    floats = {fate.path for fate in laid.fates if fate.quantization is None}
    assert floats == {f"model.layers.{layer}.self_attn.v_proj" for layer in (0, 1)}


def test_routers_have_eight_bits_where_the_followed_recipe_says_nothing_of_them() -> None:
    """They decide where a token goes, and are not tuned."""
    plain = Recipe(name="plain", rules=(Rule(role="data", pattern="", wanted=affine(3)),))
    held = terms_of("Tiny-LFM2-MoE", like=plain)
    fates = lay(held.recipe([2] * len(held.blocks)), held.inventory).fates
    routers = [fate.quantization for fate in fates if fate.path.endswith("feed_forward.gate")]
    assert routers == [affine(8)] * 5


# ------------------------------------------------------------------ the budget


@pytest.mark.parametrize(
    ("text", "bits", "size", "in_name"),
    [
        ("4.6bpw", "4.6", None, "-4.6bpw"),
        ("4.6", "4.6", None, "-4.6bpw"),
        ("5.2GB", None, 5_200_000_000, "-5.2gb"),
        ("5 GiB", None, 5 << 30, "-5gib"),
        ("like", None, None, ""),
    ],
)
def test_a_budget_is_bits_per_weight_or_a_size(
    text: str, bits: str | None, size: int | None, in_name: str
) -> None:
    """As people write either; what it adds to the recipe's name."""
    parsed = budget.parse(text)
    assert (parsed.bits, parsed.bytes) == (Decimal(bits) if bits else None, size)
    assert budget.in_name(text) == in_name


@pytest.mark.parametrize(
    "text", ["", "0", "0.0bpw", "33bpw", "4,6", "-4bpw", "4.6 bits", "GB", "1e3GB", "five"]
)
def test_any_other_budget_is_refused_in_one_sentence(text: str) -> None:
    """It names the option, and what could be written."""
    with pytest.raises(UsageError, match=r"^--budget: .*4\.6bpw"):
        budget.parse(text)


@given(st.decimals(0, 32, places=6).filter(bool))
def test_bits_per_weight_are_taken_exactly(bits: Decimal) -> None:
    """With every digit that was written."""
    assert budget.parse(f"{bits}bpw").bits == bits


@pytest.mark.parametrize("base", NAMES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_file_is_larger_than_its_budget(base: str, data: st.DataObject) -> None:
    """For budgets of every form, headers counted, whatever was measured."""
    least, most = (terms_of(base).layout([width] * len(terms_of(base).blocks)) for width in (2, 8))
    size = data.draw(st.integers(least.bytes, most.bytes + 1000))
    asked = data.draw(st.sampled_from([f"{size}B", f"{least.bits_per_weight + 0.001 + size % 5:.3f}bpw"]))
    held = terms_of(base, asked)
    losses = st.fixed_dictionaries({bits: st.floats(0, 10) for bits in WIDTHS})
    bits = best(held, asked, [data.draw(losses) for _ in held.blocks])
    layout = held.layout(bits)
    if held.budget.bytes is not None:
        assert layout.bytes <= held.budget.bytes
    else:
        assert held.budget.bits is not None
        assert layout.bits_per_weight <= held.budget.bits


def test_a_budget_that_nothing_fits_is_refused_with_the_least_possible() -> None:
    """One byte too few; with the byte it is taken."""
    least = terms_of("Tiny-Qwen3").layout([2] * 12).bytes
    assert terms_of("Tiny-Qwen3", f"{least}B").blocks
    with pytest.raises(
        UsageError, match=rf"^--budget {least - 1}B: Tiny-Qwen3 takes .* {least} bytes .* at least"
    ):
        terms_of("Tiny-Qwen3", f"{least - 1}B")


def test_room_to_spare_gives_all_the_widest() -> None:
    """Where nothing is short, nothing is lost."""
    held = terms_of("Tiny-Qwen3", "1GB")
    assert best(held, "1GB", [{bits: 1 / bits for bits in WIDTHS}] * 12) == (8,) * 12


# ------------------------------------------------------------------ the order


def block(name: str, runs_in: str | None) -> Block:
    return Block(name=name, role="", pattern="", paths=(name,), bytes={}, layer=0, runs_in=runs_in)


THREE = (block("head", None), block("c", "layers.2"), block("a", "layers.0"), block("b", "layers.1"))


def test_a_layer_is_measured_from_the_one_called_before_it() -> None:
    """In the order of the model's calls, whatever the order of the files; all of the rest comes first."""
    order = steps(THREE, ["layers.0", "layers.1", "layers.2"])
    assert [(step.block.name, step.begin, round(step.share, 2)) for step in order] == [
        ("head", None, 1.0),
        ("a", None, 1.0),
        ("b", "layers.0", 0.67),
        ("c", "layers.1", 0.33),
    ]


def test_where_a_layer_is_called_twice_nothing_is_spared() -> None:
    """What it gives the second time depends on the layers after it."""
    assert {step.begin for step in steps(THREE, ["layers.0", "layers.1", "layers.0", "layers.1"])} == {None}
