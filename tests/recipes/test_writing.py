"""Recipes written as files: what is written reads back as the same recipe."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recipes.names import parse
from bot.recipes.writing import recipe_file
from bot.records import Layers, Quantization, Recipe, Rule
from tests.recipes.reading import read_back

WIDTHS = st.sampled_from(
    (
        *(
            Quantization(bits=bits, group_size=group)
            for bits in (2, 3, 4, 5, 6, 8)
            for group in (32, 64, 128)
        ),
        Quantization(bits=4, group_size=32, mode="mxfp4"),
        Quantization(bits=8, group_size=32, mode="mxfp8"),
        Quantization(bits=4, group_size=16, mode="nvfp4"),
    )
)
LAYERS = st.one_of(
    st.builds(
        lambda every, offset: Layers(every=every, offset=offset % every), st.integers(1, 9), st.integers(0, 9)
    ),
    st.builds(Layers, first=st.none() | st.integers(0, 9), last=st.integers(0, 9)),
    st.builds(lambda only: Layers(only=tuple(only)), st.lists(st.integers(0, 99), min_size=1)),
)
PATTERNS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that a file can hold: both widths share their group size and mode."""
    width = draw(WIDTHS)
    wanted, otherwise = draw(st.sampled_from([(width, None), (width, width), (None, width), (None, None)]))
    return Rule(
        role=draw(PATTERNS),
        pattern=draw(PATTERNS),
        wanted=wanted,
        otherwise=otherwise,
        layers=draw(st.none() | LAYERS),
        tied=draw(st.none() | st.booleans()),
        required=draw(st.booleans()),
    )


RECIPES = st.builds(
    Recipe,
    name=st.just("mine"),
    rules=st.lists(rules(), min_size=1, max_size=5).map(tuple),
    dtype=st.sampled_from([None, "bfloat16", "float32"]),
    requantize=st.booleans(),
)


@given(RECIPES, st.lists(st.text(max_size=300), max_size=4), st.text(max_size=300))
def test_whatever_is_written_reads_back(recipe: Recipe, comments: list[str], about: str) -> None:
    """Any rules, under any comments, with any text about them: the deciding content is the same."""
    written = msgspec.structs.replace(recipe, about=about)
    back = read_back(recipe_file(written, comments), "mine")
    assert back.hash == recipe.hash
    assert back.about == " ".join("".join(c if c.isprintable() else " " for c in about).split())


@pytest.mark.parametrize("name", ["qx86-hi", "qx53gx", "qx64n", "q6-hi", "mxfp4", "nvfp4", "bf16"])
def test_a_built_in_recipe_written_out_decides_the_same(name: str) -> None:
    """Copied out as a file, to be edited, it begins as what it was."""
    assert read_back(recipe_file(parse(name), [f"As {name}."]), name).hash == parse(name).hash


def test_long_comments_are_wrapped_and_stay_comments() -> None:
    """A list item goes on indented; nothing is wider than a screen."""
    text = recipe_file(parse("q8"), ["- " + "word " * 60, "", "short"])
    lines = text.partition("rules:")[0].splitlines()
    assert all(line.startswith("#") and len(line) <= 108 for line in lines)
    assert lines[1].startswith("#   word")
    assert lines[-2:] == ["#", "# short"]
