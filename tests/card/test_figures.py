"""The pictures of a card: the same facts give the same bytes, and words say what the pictures show."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.card.board import TASKS, Board, board
from bot.card.facts import Facts, Measured, ReportedQuant
from bot.card.facts_file import read
from bot.card.figures import BitsCell, BitsRow, Figure, LayerBits, bits, bits_drawing, glyphs, plain, profile
from bot.card.figures.canvas import DARK, LIGHT, SMALL, TITLE, Sheet, Theme, light_and_dark, ticks
from bot.card.figures.draw import figures
from bot.card.figures.family import Family, family, words
from bot.card.figures.layer_bits import layer_bits, of_folder
from bot.card.figures.placing import Box, around, place
from bot.recipes.layout import Inventory, Part, lay
from bot.recipes.mac.memory import FILL, GIB, working_set
from bot.recipes.names import parse
from bot.records import (
    BaseRevision,
    Divergence,
    Measurement,
    MeasureSettings,
    Perplexity,
    Sibling,
    TaskScore,
)
from bot.safetensors import Tensor, header_bytes

SEEDS = Path(__file__).parents[2] / ".." / "shared" / "seeds"
SCORES = (0.41, 0.52, 0.83, 0.61, 0.35, 0.74, 0.58)
HOSTILE = ("<b>x</b>", "$\\frac$", "x" * 10_000, "ab\u202ecd\u2066", "漢字 \U0001f389", "a\nb\x00", "", "^_{")


def measurement(recipe: str | None, gib: float, perplexity: float | None = None, **more: Any) -> Measurement:
    """`kl`: the divergence's mean; `text`: the data set's revision; `scores` as in SCORES."""
    kl, text = more.get("kl"), more.get("text", "a")
    scores = zip(TASKS, more.get("scores", SCORES), strict=False)
    return Measurement(
        name=recipe or "base", recipe=recipe, speed=None, peak_memory_bytes=1, size_bytes=int(gib * GIB),
        bits_per_weight=4.5, settings=MeasureSettings(), device="M", compute_dtype="bfloat16",
        tasks=tuple(
            TaskScore(task=t, metric="acc", value=v, stderr=0.01, n=2000, chance=0.25) for t, v in scores
        ),
        perplexity=Perplexity(
            value=perplexity, stderr=perplexity / 100, samples=9, sequence_length=512, dataset="d",
            dataset_sha=text,
        ) if perplexity else None,
        divergence=Divergence(
            base="o/B", mean=kl, stderr=kl / 10, median=kl, p99=kl, top1=0.9, tokens=99, dataset="d",
            dataset_sha=text,
        ) if kl else None,
    )  # fmt: skip


def made(mine: Measurement, base: Measurement | None = None, *others: Measurement) -> Facts:
    return Facts(
        card=f"B-{mine.recipe}-mlx",
        repo=f"o/B-{mine.recipe}-mlx",
        base_model="o/B",
        recipe=mine.recipe or "",
        measured=Measured(
            base=BaseRevision(repo="o/B", sha="0" * 40),
            base_bytes=31 * GIB,
            bits_per_weight=4.5,
            parameters=8,
            measurement=mine,
            base_measurement=base,
            siblings=tuple(
                Sibling(repo=f"o/B-{i}", recipe=m.recipe or "", measurement=m) for i, m in enumerate(others)
            ),
        ),
    )


MINE = measurement("qx86-hi", 8.3, 12.869)
FAMILY = made(MINE, measurement(None, 31, 12.81), measurement("qx64-hi", 6.1, 13.113))
LAYERS = LayerBits(
    layers=6,
    rows=(
        BitsRow(name="attention", bits=(8, None, 6, None, 6, None), share=0.25),
        BitsRow(name="$\\frac$", bits=(6,) * 6, share=0.6),
    ),
    outside=(BitsCell(name="embeddings", bits=5.4, share=0.15),),
    formats=("groups of 32",),
)


def pictures(facts: Facts) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(facts, board(facts))}


@cache
def drawn() -> dict[str, Figure]:
    """FAMILY's, drawn once."""
    return pictures(FAMILY)


def shown(*known: Measurement, base: Measurement | None = None) -> Family:
    found = family(board(made(known[0], base, *known[1:])))
    assert found is not None
    return found


def chunks(png: bytes) -> list[str]:
    """Names of a PNG's chunks (PNG specification, third edition, 5.3)."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    return names


# ------------------------------------------------------------------ files


def test_the_same_facts_give_the_same_bytes_whatever_the_machine_has_set() -> None:
    """A card that did not change uploads nothing, even where a matplotlibrc asks for other sizes."""
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 50, "axes.grid": True, "lines.linewidth": 9}):
        again = pictures(FAMILY)
    assert again == drawn()


def test_another_process_draws_the_same_bytes() -> None:
    """Nothing depends on the order in which a process hashes names, or on what it drew before."""
    script = (
        "import hashlib; from tests.card.test_figures import drawn\n"
        "print(hashlib.sha256(drawn()['family'].dark).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert found.stdout.split()[-1] == hashlib.sha256(drawn()["family"].dark).hexdigest()


@pytest.mark.parametrize("name", ["family", "profile"])
def test_a_picture_is_twice_the_cards_width_and_says_nothing_of_when_it_was_drawn(name: str) -> None:
    """1500 pixels for 750 on the page, sharp on every display; no version, no date in the file."""
    figure = drawn()[name]
    for png in (figure.light, figure.dark):
        width, height = struct.unpack(">II", png[16:24])
        assert (width, height) == (2 * figure.width, 2 * figure.height) == (1500, height)
        assert set(chunks(png)) <= {"IHDR", "pHYs", "IDAT", "IEND"}
        assert len(png) < 250_000
    assert (figure.path, figure.dark_path) == (f"figures/{name}-light.png", f"figures/{name}-dark.png")
    assert figure.light != figure.dark


def test_a_picture_whose_data_are_missing_is_left_out() -> None:
    """No size or no loss of a second model: no family; no scores: no profile; no layers: no strip."""
    assert list(drawn()) == ["family", "profile"]
    assert list(pictures(made(MINE))) == ["profile"]
    sizeless = (ReportedQuant(quant="q4", perplexity=12.0), ReportedQuant(quant="q8", perplexity=11.0))
    reported = Facts(card="B-q4-mlx", base_model="o/B", recipe="q4", quants=sizeless)
    assert pictures(reported) == {}


# ------------------------------------------------------------------ the family


def test_the_words_for_the_family_hold_every_number_it_plots() -> None:
    """Who cannot see the picture reads sizes, perplexities with their errors, and what each Mac holds."""
    alt = drawn()["family"].alt
    assert "qx86-hi (this quant) 8.3 GiB, 12.869 ± 0.129" in alt
    assert "base 31.0 GiB, 12.810 ± 0.128" in alt
    assert "qx64-hi 6.1 GiB, 13.113 ± 0.131" in alt
    assert f"16 GB {working_set(16 * GIB).bytes * FILL / GIB:.1f} GiB" in alt


def test_kl_is_plotted_where_every_quant_has_it_and_the_base_is_0_by_definition() -> None:
    """A divergence says what quantizing did, so it goes before the perplexity, but never for half of them."""
    with_kl = [measurement("q8", 9, 12.0, kl=0.002), measurement("q4", 5, 13.0, kl=0.09)]
    found = shown(*with_kl, base=measurement(None, 31, 11.9))
    assert (found.measure, found.log) == ("kl", True)
    assert "base 31.0 GiB, 0 by definition" in words(found)
    assert "q4 5.0 GiB, 0.0900 ± 0.0090" in words(found)
    assert shown(*with_kl, measurement("q3", 4, 15.0)).measure == "perplexity"


def test_models_that_read_another_text_are_not_in_the_same_picture() -> None:
    """Perplexities of different texts have nothing to do with each other."""
    other = measurement("q3", 4, 8.0, text="b")
    found = shown(MINE, measurement("q4", 5, 13.0), other)
    assert [point.name for point in found.points] == ["qx86-hi", "q4"]
    assert family(board(made(MINE, None, other))) is None


def test_a_broken_quant_does_not_press_the_others_flat() -> None:
    """One perplexity far above all others stands at the edge with its number; the subject never does."""
    others = [measurement("q6", 7, 12.9), measurement("q5", 6, 13.0), measurement("q3", 3.5, 30.0)]
    assert [point.name for point in shown(MINE, *others).off_scale] == ["q3"]
    assert shown(others[2], MINE, *others[:2]).off_scale == ()
    assert "q3 3.5 GiB, 30.000 ± 0.300" in words(shown(MINE, *others))


def test_the_axis_shows_the_smallest_mac_that_holds_every_quant() -> None:
    """Even where all quants lie between two Macs' limits, a reader sees which Mac is enough."""
    found = shown(measurement("q4", 12, 9.0), measurement("q5", 13, 8.9))
    assert [guide.memory for guide in found.guides if guide.gib > 13] == [24]


def test_of_very_many_models_those_next_in_size_are_drawn_and_the_rest_counted() -> None:
    """A picture of forty points is no picture; the words say how many are missing."""
    many = [measurement(f"r{n}", 4 + n / 5, 12 + n / 40) for n in range(40)]
    found = shown(many[20], *many[:20], *many[21:])
    assert len(found.points) == 16
    assert "24 more not shown" in words(found)


numbers = st.floats(1, 400)
boxes = st.tuples(numbers, numbers)


@given(st.lists(st.tuples(boxes, st.tuples(st.floats(5, 120), st.floats(5, 30))), max_size=12))
def test_labels_cover_neither_each_other_nor_a_point(
    asked: list[tuple[tuple[float, float], tuple[float, float]]],
) -> None:
    """What cannot be read is left out; what is drawn can be read."""
    page, marks = Box(0, 0, 400, 400), [around(point, 8) for point, _ in asked]
    found = place([point for point, _ in asked], [size for _, size in asked], page, marks, gap=10)
    labels = [box for box in found if box is not None]
    assert all(page.holds(box) for box in labels)
    assert not any(box.covers(mark) for box in labels for mark in marks)
    assert not any(a.covers(b) for at, a in enumerate(labels) for b in labels[at + 1 :])


def test_a_label_alone_stands_right_of_its_point() -> None:
    """Where nothing is in the way nothing moves."""
    (label,) = place([(100, 100)], [(40, 10)], Box(0, 0, 400, 400), [around((100, 100), 8)], gap=10)
    assert label == Box(110, 95, 150, 105)


@given(st.floats(1e-4, 1e6), st.floats(1.02, 1e4), st.booleans())
def test_an_axis_has_some_round_numbers_in_its_range(low: float, times: float, log: bool) -> None:
    """At least two, ascending, none outside."""
    found = ticks(low, low * times, log=log)
    assert 2 <= len(found) <= 40
    assert all(a < b for a, b in pairwise(found))
    assert low <= found[0] <= found[-1] <= low * times


# ------------------------------------------------------------------ the profile


def test_the_words_for_the_profile_hold_every_score_with_the_interval_of_this_quant() -> None:
    """Scores stand in the order of the names; ± is half of the 95 % interval, 1.96 standard errors."""
    alt = drawn()["profile"].alt
    assert "qx86-hi (this quant, ± half of the 95 % interval); base; qx64-hi, in this order" in alt
    for score in SCORES:
        assert f"{score:.3f} ± 0.020, {score:.3f}, {score:.3f}, chance 0.25" in alt


def test_at_most_five_models_are_drawn_the_base_and_the_largest_first() -> None:
    """Which five does not depend on the order of the facts."""
    others = [measurement(f"r{n}", n + 1, 12.0) for n in range(7)]
    found = profile.profile(board(made(MINE, measurement(None, 31, 12.0), *others)))
    assert found is not None
    assert found.names == ("qx86-hi", "base", "r6", "r5", "r4")
    assert "4 more models are not shown" in profile.words(found)


def test_a_score_that_was_asked_otherwise_is_not_drawn_beside() -> None:
    """Another number of questions is another test."""
    other = measurement("q4", 5, 13.0)
    asked = replace(other, tasks=(replace(other.tasks[0], n=100), *other.tasks[1:]))
    found = profile.profile(board(made(MINE, None, asked)))
    assert found is not None
    assert [len(row.marks) for row in found.rows] == [1, 2, 2, 2, 2, 2, 2]


def test_published_scores_have_no_intervals_and_missing_ones_are_called_so() -> None:
    """Nobody published their errors, so none are invented."""
    scores: dict[str, dict[str, float | bool | None]] = {
        "q4": {"piqa": 0.7, "boolq": 0.6},
        "bf16": {"piqa": 0.72, "boolq": None},
    }
    found = profile.profile(board(Facts(card="B-q4-mlx", base_model="o/B", recipe="q4", scores=scores)))
    assert found is not None
    assert not found.has_intervals
    assert "BoolQ 0.600, not known; PIQA 0.700, 0.720" in profile.words(found)


def test_a_task_that_says_nothing_is_marked() -> None:
    """It keeps its scores and counts for nothing: the board decides, the picture shows it grey."""
    silent = replace(board(FAMILY), silent=("boolq",))
    found = profile.profile(silent)
    assert found is not None
    assert [row.title for row in found.rows if row.silent] == ["BoolQ"]
    assert "says nothing here" in profile.words(found)


# ------------------------------------------------------------------ bits per layer


def test_the_strip_is_drawn_and_told() -> None:
    """Which modules have how many bits in which layers, means with one decimal."""
    light, dark = light_and_dark(bits_drawing.height(LAYERS), strip)
    assert light != dark
    assert (light, dark) == light_and_dark(bits_drawing.height(LAYERS), strip)
    assert bits.words(LAYERS) == (
        "Bits per weight in each of 6 layers: attention 8 in layer 0, 6 in layers 2, 4; "
        "$\\frac$ 6 in all layers; embeddings 5.4."
    )


def strip(sheet: Sheet) -> None:
    bits_drawing.draw(LAYERS, sheet)


def test_a_row_that_is_not_as_long_as_there_are_layers_is_refused() -> None:
    """Facts from a stranger's repo are not drawn askew."""
    with pytest.raises(ValueError, match="has 6 of 7 layers"):
        replace(LAYERS, layers=7)
    with pytest.raises(ValueError, match="1 to 1000"):
        LayerBits(layers=10**9, rows=())


def inventory(layers: int) -> Inventory:
    """A small model of a usual kind: attention, experts, a router, embeddings and a head, norms between."""
    shapes = {"self_attn.q_proj": (64, 128), "self_attn.o_proj": (128, 64), "mlp.gate": (4, 128)}
    shapes |= {"mlp.switch_mlp.up_proj": (4, 256, 128)}  # type: ignore[dict-item]
    paths = {f"model.layers.{n}.{path}": shape for n in range(layers) for path, shape in shapes.items()}
    paths |= {"model.embed_tokens": (512, 128), "lm_head": (512, 128)}
    packed = [
        Part(path=path, packs=True, tensors={f"{path}.weight": Tensor(dtype="BF16", shape=shape)})
        for path, shape in paths.items()
    ]
    norm = Part(path="model.norm", tensors={"model.norm.weight": Tensor(dtype="BF16", shape=(128,))})
    return Inventory(base="o/B", model_type="x", parts=(*packed, norm), dtype="bfloat16")


@pytest.mark.parametrize("recipe", ["qx86-hi", "qx53", "mxfp4", "q8", "bf16"])
def test_the_strip_shows_what_the_recipe_decided_for_every_module(recipe: str, tmp_path: Path) -> None:
    """The files are read, not the recipe's name: what the quantizer wrote is what the picture says."""
    layout = lay(parse(recipe), inventory(9))
    (tmp_path / "config.json").write_text(config_of(layout.quantization))
    (tmp_path / "model.safetensors").write_bytes(
        header_bytes(layout.tensors) + bytes(sum(tensor.nbytes for tensor in layout.tensors.values()))
    )
    found = of_folder(tmp_path)
    assert found is not None
    here = {row.name: row.bits for row in found.rows}
    for fate in layout.fates:
        wanted = fate.quantization.bits if fate.quantization else 16
        kinds = {"self_attn": "attention", "mlp.gate": "router", "switch_mlp": "experts"}
        row = next((name for part, name in kinds.items() if part in fate.path), None)
        if row is not None:
            assert here[row][int(fate.path.split(".")[2])] == wanted
    assert [cell.name for cell in found.outside] == ["embeddings", "head"]
    shares = [*(row.share for row in found.rows), *(cell.share for cell in found.outside)]
    assert sum(shares) == pytest.approx(1)


def config_of(quantization: dict[str, Any]) -> str:
    return json.dumps({"model_type": "x", "quantization": quantization})


def test_modules_of_one_role_with_different_widths_get_rows_of_their_own() -> None:
    """Where v has more bits than q, one row `attention` would hide it."""
    widths = {"q_proj": 4, "v_proj": 8}
    paths = {f"model.layers.{n}.self_attn.{leaf}": b for n in range(3) for leaf, b in widths.items()}
    found = layer_bits(*packed_as(paths))
    assert found is not None
    assert [(row.name, row.bits) for row in found.rows] == [
        ("attention: q", (4, 4, 4)),
        ("attention: v", (8, 8, 8)),
    ]


def test_what_sees_has_layers_of_its_own_and_does_not_stand_among_the_models() -> None:
    """The strip is the language model's; the tower is one cell beside it."""
    paths = {f"language_model.model.layers.{n}.mlp.up_proj": 4 for n in range(4)}
    paths |= {"vision_tower.blocks.0.mlp.fc1": 8}
    found = layer_bits(*packed_as(paths))
    assert found is not None
    assert (found.layers, [cell.name for cell in found.outside]) == (4, ["vision"])


def test_embeddings_that_are_the_head_too_are_called_so() -> None:
    """A tied model has one matrix for both; the picture does not hide what its head became."""
    found = layer_bits(*packed_as({"model.layers.0.mlp.up_proj": 4, "model.embed_tokens": 6}))
    assert found is not None
    assert [(cell.name, cell.bits) for cell in found.outside] == [("embeddings and head", 6)]


def test_a_recipe_of_too_many_kinds_is_shown_by_role_with_mean_widths() -> None:
    """A tuned recipe may give each module its own width: one row a role, weighted by parameters."""
    leaves = [f"self_attn.x{n}_proj" for n in range(12)]
    paths = {f"model.layers.0.{leaf}": (4, 8)[n % 2] for n, leaf in enumerate(leaves)}
    paths |= {f"model.layers.1.{leaf}": (2, 3, 4, 5, 6, 8)[n // 2] for n, leaf in enumerate(leaves)}
    found = layer_bits(*packed_as(paths))
    assert found is not None
    assert [(row.name, row.bits[0]) for row in found.rows] == [("attention", 6)]


def packed_as(paths: dict[str, int]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A config and headers of modules of 64 by 64 weights with so many bits."""
    tensors: dict[str, Tensor] = {}
    for path, width in paths.items():
        tensors[f"{path}.weight"] = Tensor(dtype="U32", shape=(64, 2 * width))
        tensors[f"{path}.scales"] = Tensor(dtype="BF16", shape=(64, 1))
    own = {path: {"bits": width, "group_size": 64} for path, width in paths.items()}
    return {"quantization": {"bits": 4, "group_size": 64, **own}}, tensors


def test_a_folder_that_cannot_be_read_has_no_strip(tmp_path: Path) -> None:
    """A picture less is no reason to stop a publication."""
    assert of_folder(tmp_path) is None
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"no")
    assert of_folder(tmp_path) is None


# ------------------------------------------------------------------ names, colours, seeds


@pytest.mark.filterwarnings("error")
def test_hostile_names_are_drawn_as_the_text_they_are() -> None:
    """No name is taken for mathematics, markup or another line, and a long one is cut; none is a warning."""
    others = [measurement(name, 4 + n, 13 + n / 4) for n, name in enumerate(HOSTILE)]
    for figure in pictures(made(MINE, None, *others)).values():
        assert len(figure.alt) < 3000
        assert not {unicodedata.category(character) for character in figure.alt} & {"Cc", "Cf", "Cs", "Zl"}
    assert plain.short("$\\frac{1}{2}$", 40) == "$\\frac{1}{2}$"
    assert glyphs.drawable("漢字 x\u202e") == "?? x"


@given(st.text(max_size=200), st.integers(8, 60))
def test_a_name_is_never_longer_than_there_is_room_for_and_never_empty(name: str, length: int) -> None:
    """Cut in the middle: names of models differ at their end."""
    found = plain.short(name, length)
    assert 0 < len(found) <= length
    assert "\n" not in found


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_are_told_from_the_background(theme: Theme) -> None:
    """WCAG 2.2: 4.5 to 1 for type, 3 to 1 for marks and cells; no type smaller than 11 CSS pixels."""
    for colour in (theme.ink, theme.muted, theme.subject):
        assert min(contrast(colour, theme.background), contrast(colour, theme.band)) >= 4.5
    for colour in (*theme.marks, theme.base, *theme.widths):
        assert contrast(colour, theme.background) >= 3
    for face in theme.widths:
        assert contrast(bits_drawing.readable_on(face), face) >= 4.5
    assert len({*theme.marks, theme.subject, theme.base}) == 6
    assert 11 <= SMALL <= TITLE


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    a, b = sorted((bits_drawing.luminance(one), bits_drawing.luminance(other)))
    return (b + 0.05) / (a + 0.05)


def seed(name: str) -> Board:
    if not SEEDS.is_dir():
        pytest.skip("the published cards are not here")
    return board(read(next(SEEDS.glob(f"{name}*.yaml"))))


@pytest.mark.parametrize(
    ("name", "has_family"),
    [("LFM2", True), ("Episteme", False), ("LIMI", False), ("Qwen3-8B", False), ("Qwen3-VL", False)],
)
def test_published_cards_have_the_pictures_their_numbers_allow(name: str, has_family: bool) -> None:
    """All five published scores; only one published sizes and perplexities of a family."""
    known = seed(name)
    assert (family(known) is not None) == has_family
    found = profile.profile(known)
    assert found is not None
    for score in known.subject.scores.values():
        assert f" {score.value:.3f}" in profile.words(found)
    if shown_family := family(known):
        for model in known.family:
            assert f"{model.perplexity:.3f} ± {model.perplexity_stderr:.3f}" in words(shown_family)
