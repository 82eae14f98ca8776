"""What the quantize child writes: numerically mlx-lm's own, loadable, complete, and as heavy as predicted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
import pytest
from mlx.utils import tree_flatten
from mlx_lm import convert, load

from bot import safetensors
from bot.hashes import sha256_of
from bot.quantize.family import quantize
from bot.recipes import InventoryRequest, architecture
from bot.recipes.inventory import read
from bot.recipes.layout import prediction
from bot.recipes.names import parse
from bot.recipes.recipe import decide, layer_of, placed
from bot.records import Recipe
from tests.models import MODEL_TYPES, config_of, tensors_in
from tests.quantize.conftest import RECIPES, Family, request_for

Families = Callable[[str], Family]


def same(left: dict[str, mx.array], right: dict[str, mx.array]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.dtype == right[name].dtype, name
        assert mx.array_equal(value, right[name]).item(), name


def predicate_of(recipe: Recipe, base: str) -> Callable[[str, Any], dict[str, Any] | bool]:
    """The recipe as `mlx_lm.convert` takes it, for this base."""
    model, _ = architecture.load(Path(base), "a/b")
    paths = [path for path, module in architecture.leaf_modules(model) if hasattr(module, "weight")]
    said, n_layers, tied = placed(recipe, paths), len(model.layers), architecture.is_tied(model)

    def predicate(path: str, module: Any) -> dict[str, Any] | bool:
        given = decide(said, path, layer_of(path), n_layers, module.weight.shape[-1], tied=tied)
        return msgspec.structs.asdict(given) if given else False

    return predicate


@pytest.mark.parametrize("recipe", ["qx64-hi", "qx86", "mxfp4"])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_tensors_are_those_of_mlx_lm_convert(
    model_type: str, recipe: str, family: Families, tmp_path: Path
) -> None:
    """With the same decisions as predicate, mlx_lm.convert writes the same names, dtypes and values."""
    made = family(model_type)
    predicate = predicate_of(parse(recipe), str(made.base))
    theirs = tmp_path / "theirs"
    convert(str(made.base), str(theirs), quantize=True, q_group_size=32, quant_predicate=predicate)
    written = tensors_in(Path(made.quants[recipe].path))
    same(
        {name: value for name, value in written.items() if not name.startswith("vision_tower.")},
        tensors_in(theirs),
    )
    ours = config_of(Path(made.quants[recipe].path))
    for path, entry in config_of(theirs)["quantization"].items():
        if isinstance(entry, dict):
            assert ours["quantization"][path] == entry
    assert ours["quantization"] == ours["quantization_config"]


def logits_of(folder: str) -> mx.array:
    """For six tokens, in float32: MLX on the CPU multiplies experts in no other type."""
    model, _ = load(folder)
    model.set_dtype(mx.float32)
    logits: mx.array = model(mx.array([[1, 5, 9, 70, 33, 12]]))
    return logits


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_quant_loads_and_speaks(model_type: str, family: Families) -> None:
    """Plain mlx_lm.load takes each folder; its logits are finite and near the base's where bits are many."""
    made = family(model_type)
    base = logits_of(made.snapshot.path)
    distances: dict[str, Any] = {}
    for recipe, quant in made.quants.items():
        logits = logits_of(quant.path)
        assert mx.isfinite(logits).all().item()
        distances[recipe] = (mx.abs(logits - base).mean() / mx.abs(base).mean()).item()
    assert distances["bf16"] < 0.02
    assert distances["qx86"] < distances["qx64-hi"] < 1


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_prediction_agrees_with_the_files_to_the_byte(model_type: str, family: Families) -> None:
    """From headers, and for what is text only from config.json alone: bytes, parameters, bits per weight."""
    made = family(model_type)
    text = (made.base / "config.json").read_text()
    headers = safetensors.read_header(made.base / "model.safetensors")
    for tensors in (headers,) if model_type == "qwen3_vl_moe" else ({}, headers):
        inventory = read(InventoryRequest(base="a/b", config=text, tensors=tensors), lambda _: None)
        for recipe in RECIPES:
            quant, item = made.quants[recipe], prediction(parse(recipe), inventory)
            assert item.bytes == quant.weight_bytes
            assert (item.parameters, item.bits_per_weight) == (quant.parameters, quant.bits_per_weight)
            assert (item.recipe.hash, item.notes) == (quant.recipe_hash, quant.notes)
            assert inventory.text_only == quant.text_only


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_folder_holds_its_files_and_no_others(model_type: str, family: Families) -> None:
    """Every file with its size and hash; the base's tokenizer, template, license unchanged; no card."""
    made = family(model_type)
    for quant in made.quants.values():
        folder = Path(quant.path)
        assert {path.name for path in folder.iterdir()} == {file.path for file in quant.files}
        for file in quant.files:
            assert (folder / file.path).stat().st_size == file.size
            assert sha256_of(folder / file.path) == file.sha256
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "LICENSE"):
            assert (folder / name).read_bytes() == (made.base / name).read_bytes()
        assert (folder / "generation_config.json").is_file()
        assert not (folder / "README.md").exists()
        assert (quant.base, quant.base_sha) == ("someone/Tiny", "a" * 40)


def test_safetensors_say_that_they_are_mlx(family: Families) -> None:
    """`format: mlx` is in the metadata, and the index names every tensor's file."""
    folder = Path(family("qwen3").quants["qx86"].path)
    tensors = tensors_in(folder)
    loaded: Any = mx.load(str(folder / "model.safetensors"), return_metadata=True)
    assert loaded[1] == {"format": "mlx"}
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == dict.fromkeys(sorted(tensors), "model.safetensors")
    assert index["metadata"]["total_size"] == sum(value.nbytes for value in tensors.values())


def test_what_a_base_sees_with_is_kept_as_it_is(family: Families) -> None:
    """mlx-lm drops the vision tower: it is read beside mlx-lm's model and stays a float."""
    made = family("qwen3_vl_moe")
    source = tensors_in(made.base)
    for quant in made.quants.values():
        folder, tensors = Path(quant.path), tensors_in(Path(quant.path))
        seen = {name for name in tensors if name.startswith("vision_tower.")}
        assert len(seen) == len([name for name in source if name.startswith("model.visual.")]) > 0
        name = "blocks.0.attn.qkv.weight"
        assert mx.array_equal(tensors[f"vision_tower.{name}"], source[f"model.visual.{name}"]).item()
        patches = source["model.visual.patch_embed.proj.weight"].moveaxis(1, -1)
        assert mx.array_equal(tensors["vision_tower.patch_embed.proj.weight"], patches).item()
        assert "vision_config" in config_of(folder)
        assert (folder / "preprocessor_config.json").is_file()
        assert not quant.text_only
        assert not any("text only" in note for note in quant.notes)


def test_a_quant_that_sees_is_loaded_by_mlx_vlm(family: Families) -> None:
    """mlx-vlm finds every parameter of its own model in the folder, and nothing else."""
    vlm = pytest.importorskip("mlx_vlm.utils")
    for recipe in ("qx64-hi", "bf16"):
        folder = Path(family("qwen3_vl_moe").quants[recipe].path)
        model = vlm.load_model(folder, lazy=True, strict=True)
        theirs = dict(tree_flatten(model.parameters()))
        assert {name: value.shape for name, value in theirs.items()} == {
            name: value.shape for name, value in tensors_in(folder).items()
        }


def test_left_out_on_request_the_vision_tower_is_missed_nowhere(family: Families, tmp_path: Path) -> None:
    """The record says text-only, and neither tensors nor config nor files speak of images any more."""
    request = request_for(family("qwen3_vl_moe").snapshot, tmp_path / "out", "qx86")
    [quant] = quantize(msgspec.structs.replace(request, text_only=True), lambda _: None).items
    assert quant.text_only
    assert any(note.startswith("text only") for note in quant.notes)
    assert not any("vision" in name for name in tensors_in(Path(quant.path)))
    assert "vision_config" not in config_of(Path(quant.path))
    assert "preprocessor_config.json" not in {file.path for file in quant.files}
    assert not family("qwen3").quants["qx86"].text_only


def test_mxfp4_experts_stay_as_the_source_has_them(family: Families) -> None:
    """gpt-oss brings its experts in MXFP4: every recipe keeps them, and says so."""
    made = family("gpt_oss")
    path = "model.layers.0.mlp.experts.down_proj"
    source = tensors_in(made.base)["model.layers.0.mlp.experts.down_proj_blocks"]
    for quant in made.quants.values():
        stored = tensors_in(Path(quant.path))[f"{path}.weight"]
        assert mx.array_equal(stored, source.view(mx.uint32).flatten(-2)).item()
        entry = config_of(Path(quant.path))["quantization"][path]
        assert entry == {"bits": 4, "group_size": 32, "mode": "mxfp4"}
        assert any("as the source stores them" in note for note in quant.notes)


def test_a_recipe_may_say_requantize(family: Families, tmp_path: Path) -> None:
    """Then the experts are what dequantizing first and converting after makes of them, beside a sibling that
    keeps them."""
    base = family("gpt_oss").snapshot
    anew = msgspec.structs.replace(parse("q3"), name="anew", requantize=True)
    request = request_for(base, tmp_path / "out", anew, "q3")
    ours, kept = (Path(folder.path) for folder in quantize(request, lambda _: None).items)

    floats, theirs = tmp_path / "floats", tmp_path / "theirs"
    convert(base.path, str(floats), dequantize=True)
    predicate = predicate_of(parse("q3"), str(floats))
    convert(str(floats), str(theirs), quantize=True, q_group_size=32, quant_predicate=predicate)

    same(tensors_in(ours), tensors_in(theirs))
    path = "model.layers.0.mlp.experts.down_proj"
    assert config_of(ours)["quantization"][path]["bits"] == 3
    assert config_of(kept)["quantization"][path]["mode"] == "mxfp4"
    assert mx.isfinite(logits_of(str(ours))).all().item()
