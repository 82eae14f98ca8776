"""How a quant is packed, what its config says of that, which recipe it claims: told from its files."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.packing import as_packed, packing, stated
from bot.check.place import Header, whole
from bot.check.recipe_of import claimed, recipe_in
from bot.errors import UnsuitableBase, UsageError
from bot.recipes.book import Book
from bot.recipes.layout import Inventory, Part, lay, packed
from bot.recipes.names import parse
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, WIDTHS
from bot.records import Manifest, Quantization, Recipe, Rule
from bot.safetensors import Tensor

PACKINGS = st.one_of(
    st.builds(Quantization, bits=st.sampled_from(WIDTHS), group_size=st.sampled_from(GROUP_SIZES)),
    st.sampled_from(
        [Quantization(bits=b, group_size=g, mode=mode) for mode, (b, g) in FIXED_MODES.items()]  # type: ignore[arg-type]
    ),
)


@given(quantization=PACKINGS, groups=st.integers(1, 64), rows=st.integers(1, 9))
def test_shapes_tell_how_a_module_is_packed(quantization: Quantization, groups: int, rows: int) -> None:
    """What MLX packs is recognised from the shapes and the module's width, for every packing it has."""
    columns = groups * 128
    made = packed(Tensor(dtype="BF16", shape=(rows, columns)), quantization)
    tensors = {f"a.b.{kind}": tensor for kind, tensor in made.items()}
    assert packing(tensors, "a.b", columns) == quantization
    assert packing(tensors, "a.b", columns * 3) != quantization
    assert packing({"a.b.weight": tensors["a.b.weight"]}, "a.b", columns) is None


@given(shape=st.lists(st.integers(0, 5), max_size=3), scales=st.lists(st.integers(0, 5), max_size=3))
def test_no_shapes_break_it(shape: list[int], scales: list[int]) -> None:
    """Whatever a stranger's header says, it is packed in a way that MLX has, or it is not."""
    tensors = {
        "a.weight": Tensor(dtype="U32", shape=tuple(shape)),
        "a.scales": Tensor(dtype="BF16", shape=tuple(scales)),
    }
    found = packing(tensors, "a", 64)
    assert found is None or (found.bits in WIDTHS and found.group_size in GROUP_SIZES)


def module(path: str, rows: int, columns: int) -> Part:
    return Part(path=path, tensors={f"{path}.weight": Tensor(dtype="F32", shape=(rows, columns))}, packs=True)


INVENTORY = Inventory(
    base="a/b",
    model_type="x",
    dtype="bfloat16",
    parts=(
        module("model.embed_tokens", 32, 128),
        *(module(f"model.layers.{i}.self_attn.{p}_proj", 128, 128) for i in range(5) for p in "qkvo"),
        *(module(f"model.layers.{i}.mlp.up_proj", 256, 128) for i in range(5)),
        Part(path="model.norm", tensors={"model.norm.weight": Tensor(dtype="F32", shape=(128,))}),
        module("lm_head", 32, 128),
    ),
)


@pytest.mark.parametrize("recipe", ["qx64-hi", "qx86", "q4", "mxfp4", "nvfp4", "bf16"])
def test_without_a_recipe_a_quant_is_taken_as_it_packs(recipe: str) -> None:
    """Every quant of the base is its own expectation: same tensors, same config, same bits per weight."""
    layout = lay(parse(recipe), INVENTORY)
    found = as_packed(INVENTORY, layout.tensors)
    assert found.tensors == layout.tensors
    assert found.bits_per_weight == layout.bits_per_weight
    entries = {fate.path: fate.quantization for fate in found.fates}
    assert entries == {fate.path: fate.quantization for fate in layout.fates}


def test_a_source_that_comes_packed_is_kept_or_opened() -> None:
    """Experts that the base brings in MXFP4 are the quant's as they are, or packed anew."""
    stored = Quantization(bits=4, group_size=32, mode="mxfp4")
    weight = packed(Tensor(dtype="BF16", shape=(4, 8, 64)), stored)
    part = Part(
        path="experts", tensors={f"experts.{k}": t for k, t in weight.items()}, packs=True, stored=stored
    )
    base = Inventory(base="a/b", model_type="x", parts=(part,), dtype="bfloat16")
    assert as_packed(base, part.tensors).tensors == part.tensors
    anew = packed(Tensor(dtype="BF16", shape=(4, 8, 64)), Quantization(bits=3, group_size=64))
    tensors = {f"experts.{kind}": tensor for kind, tensor in anew.items()}
    assert as_packed(base, tensors).tensors == tensors
    assert as_packed(base, tensors).parameters == 4 * 8 * 64


def test_others_may_pack_what_a_model_sees_with() -> None:
    """mlx-vlm packs modules of the vision tower, which mlx-lm has not: they are taken as they are packed."""
    tower = Part(path="vision.fc", tensors={"vision.fc.weight": Tensor(dtype="BF16", shape=(8, 64))})
    base = Inventory(base="a/b", model_type="x", parts=(tower,), dtype="bfloat16")
    made = packed(tower.tensors["vision.fc.weight"], Quantization(bits=4, group_size=64))
    tensors = {f"vision.fc.{kind}": tensor for kind, tensor in made.items()}
    assert as_packed(base, tensors).tensors == tensors
    assert as_packed(base, tower.tensors).tensors == tower.tensors


@pytest.mark.parametrize(
    ("quantization", "says"),
    [
        (None, None),
        ({"bits": 4, "group_size": 64}, Quantization(bits=4, group_size=64)),
        ({"bits": 4, "group_size": 64, "a": False}, None),
        ({"bits": 4, "group_size": 64, "a": True}, Quantization(bits=4, group_size=64)),
        (
            {"bits": 4, "group_size": 64, "a": {"bits": 8, "group_size": 32}},
            Quantization(bits=8, group_size=32),
        ),
    ],
)
def test_config_says_it_as_mlx_lm_reads_it(quantization: Any, says: Quantization | None) -> None:
    """A module without an entry is packed as the top level says; false leaves it alone."""
    assert stated({"quantization": quantization}, "a") == says


# ------------------------------------------------------------------ which recipe

BOOK = Book()


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("Qwen3-8B-qx86-hi-mlx", "qx86-hi"),
        ("Qwen3-VL-8B-text-qx64-mlx", "qx64"),
        ("GLM-4.6-qx53gx-mlx", "qx53gx"),
        ("Qwen3-8B-mxfp4-mlx", "mxfp4"),
        ("Qwen3-8B-mxfp4", ""),
        ("Qwen3-8B-4bit", ""),
        ("Qwen3-8B-mlx-4bit", ""),
        ("qx86-hi-mlx", ""),
        ("Qwen3-8B-qx99-hi-mlx", ""),
    ],
)
def test_a_name_may_tell_the_recipe(name: str, recipe: str) -> None:
    """Only names of the form `<base>-<recipe>-mlx` name a recipe."""
    assert recipe_in(name, BOOK.names) == recipe


def test_the_option_goes_before_the_manifest_and_that_before_the_name() -> None:
    """Who names the recipe is said; a manifest whose recipe says something else today is no measure."""
    ours = Manifest(repo="a/b", base="c/d", base_sha="", recipe="q6", recipe_hash=parse("q6").hash)
    assert claimed(BOOK, "q4", ours, "B-q8-mlx").source == "option"
    assert claimed(BOOK, None, ours, "B-q8-mlx").recipe == parse("q6")
    by_name = claimed(BOOK, None, None, "B-q8-mlx")
    assert (by_name.source, by_name.recipe) == ("name", parse("q8"))
    assert claimed(BOOK, None, None, "B-4bit").source == "none"
    for changed in ({"recipe_hash": "other"}, {"recipe": "my-own"}):
        old = claimed(BOOK, None, msgspec.structs.replace(ours, **changed), "B-q8-mlx")
        assert (old.source, old.recipe) == ("manifest", None)
        assert old.why
    with pytest.raises(UsageError, match="qx99"):
        claimed(BOOK, "qx99", None, "B-q8-mlx")


def test_a_broken_base_is_no_measure() -> None:
    """A base whose file is not whole is refused by its file's name."""
    with pytest.raises(UnsuitableBase, match=r"a/b: model-1.safetensors is truncated"):
        whole("a/b", [Header(path="model-1.safetensors", wrong="is truncated")])
    with pytest.raises(UnsuitableBase, match=r"a/b holds no model\*\.safetensors"):
        whole("a/b", [Header(path="adapter.safetensors", wrong="is truncated")])
    norm = {"norm.weight": Tensor(dtype="F32", shape=(8,))}
    assert whole("a/b", [Header(path="model.safetensors", tensors=norm)]) == norm


def test_a_manifest_brings_its_recipe_along_unless_it_is_unsound() -> None:
    """An own recipe is known wherever the quant is; rules of another hash or without end are not taken."""
    own = Recipe(
        name="mine", rules=(Rule(role="data", pattern="", wanted=Quantization(bits=4, group_size=64)),)
    )
    ours = Manifest(repo="a/b", base="c/d", base_sha="", recipe="mine", recipe_hash=own.hash, rules=own)
    assert claimed(BOOK, None, ours, "B-mine-mlx").recipe == own
    endless = msgspec.structs.replace(own, rules=(Rule(role="data", pattern="(a+)+$"),))
    for rules, said in ((own, "0" * 64), (endless, endless.hash)):
        unsound = msgspec.structs.replace(ours, rules=rules, recipe_hash=said)
        assert claimed(BOOK, None, unsound, "B-mine-mlx").recipe is None
