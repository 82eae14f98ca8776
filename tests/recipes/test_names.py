"""Recipe names and what they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UsageError
from bot.recipes.names import all_names, parse, unknown
from bot.recipes.recipe import FIXED_MODES, WIDTHS, decide, layer_of, placed
from bot.records import Layers, Quantization, Recipe, Rule

SEEDS = (
    "qx54g-hi", "qx64", "qx86-hi", "qx64-hi", "qx63-hi", "qx65-hi", "q4-hi", "q6-hi", "q8-hi", "mxfp4",
    "bf16",
)  # fmt: skip


def bits(recipe: Recipe, path: str, n_layers: int = 8, *, tied: bool = False) -> int | None:
    given = decide(recipe, path, layer_of(path), n_layers, 256, tied=tied)
    return given.bits if given else None


@pytest.mark.parametrize("name", SEEDS)
def test_every_recipe_of_the_published_cards_exists(name: str) -> None:
    """What stands on the author's cards can be asked for by its name."""
    assert parse(name).name == name


def test_the_grammar_is_complete_and_nothing_more() -> None:
    """Every H and D that MLX has, D not above H, with each suffix; no other pair."""
    names = set(all_names())
    for high in range(10):
        for data in range(10):
            valid = high in WIDTHS and data in WIDTHS and data <= high
            for suffix in ("", "g", "n", "x", "gx", "nx", "-hi", "gx-hi"):
                assert (f"qx{high}{data}{suffix}" in names) == valid
    assert {"q2", "q8-hi", "mxfp4", "mxfp8", "nvfp4", "bf16"} <= names
    assert not names & {"q7", "qx76", "qx68", "mxfp4-hi", "q1", "qx86xg"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("qx68-hi", "qx86-hi"), ("qx86hi", "qx86-hi"), ("QX86-HI", "qx86-hi"), ("mxfp", "mxfp4"), ("q7", "q6")],
)
def test_a_mistyped_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    """The error names what was probably meant."""
    with pytest.raises(UsageError, match=f"did you mean.*{meant}"):
        parse(typed)


def test_the_nearest_may_be_a_recipe_of_ones_own() -> None:
    """Own names are among the nearest; where none is near, they are listed beside the usual ones."""
    assert "did you mean my-mix?" in str(unknown("my-mixx", ["my-mix", "other"]))
    assert str(unknown("zzzzzzzz", ["my-mix"])).endswith("q8-hi, mxfp4; your own are my-mix")


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is a recipe or a UsageError of one line."""
    if text in all_names():
        assert parse(text).name == text
        return
    with pytest.raises(UsageError) as error:
        parse(text)
    assert "\n" not in str(error.value)


def test_qx_puts_head_and_periodic_attention_at_h() -> None:
    """qx86: 8 bits for the head, embeddings and attention in every fourth layer, 6 for everything else."""
    recipe = parse("qx86")
    assert bits(recipe, "lm_head") == bits(recipe, "model.embed_tokens") == 8
    attention = [bits(recipe, f"model.layers.{layer}.self_attn.q_proj") for layer in range(8)]
    assert attention == [8, 6, 6, 6, 8, 6, 6, 6]
    assert bits(recipe, "model.layers.0.mlp.down_proj") == bits(recipe, "model.layers.1.mlp.up_proj") == 6
    assert bits(recipe, "language_model.model.layers.4.self_attn.o_proj") == 8
    assert bits(recipe, "language_model.lm_head") == 8


def test_the_period_counts_layers_that_have_attention() -> None:
    """LFM2 has attention in six of 24 layers: one of each run of four, and that is all of it."""
    attention = (2, 6, 10, 14, 18, 21)
    paths = [f"model.layers.{layer}.conv.in_proj" for layer in range(24) if layer not in attention]
    paths += [f"model.layers.{layer}.self_attn.q_proj" for layer in attention]
    recipe = placed(parse("qx86"), paths)
    assert [bits(recipe, path) for path in paths] == [6] * 18 + [8] * 6


@given(st.integers(1, 40), st.integers(1, 9), st.data())
def test_where_all_layers_have_it_the_period_is_every_nth(
    layers: int, every: int, data: st.DataObject
) -> None:
    """Placed on a base or not, the same layers are chosen, whatever the phase."""
    offset = data.draw(st.integers(0, every - 1))
    period = Layers(every=every, offset=offset)
    recipe = Recipe(name="x", rules=(Rule(role="attention", pattern="attn", layers=period),))
    [rule] = placed(recipe, [f"layers.{layer}.attn.q" for layer in range(layers)]).rules
    assert rule.layers is not None
    whole_runs = range(layers // every * every)
    assert [rule.layers.holds(layer, layers) for layer in whole_runs] == [
        period.holds(layer, layers) for layer in whole_runs
    ]


def test_shared_experts_count_with_attention() -> None:
    """A shared expert is at H where the attention of its layer is."""
    recipe = parse("qx64")
    assert bits(recipe, "model.layers.4.mlp.shared_experts.up_proj") == 6
    assert bits(recipe, "model.layers.5.mlp.shared_experts.up_proj") == 4


@pytest.mark.parametrize(
    ("name", "untied", "tied"), [("qx53", 5, 5), ("qx53g", 3, 5), ("qx53gx", 5, 5), ("qx53x", 5, 5)]
)
def test_only_g_without_x_keeps_embeddings_low(name: str, untied: int, tied: int) -> None:
    """qx53g has 3-bit embeddings and qx53gx 5-bit ones; embeddings that are the head are at H anyway."""
    assert bits(parse(name), "model.embed_tokens") == untied
    assert bits(parse(name), "model.embed_tokens", tied=True) == tied


def test_n_puts_full_attention_at_h_wherever_it_stands() -> None:
    """Qwen3-Next has full attention in layers 3, 7, ...; its linear attention is data."""
    recipe = parse("qx64n")
    assert bits(recipe, "model.layers.3.self_attn.q_proj") == 6
    assert bits(recipe, "model.layers.4.linear_attn.out_proj") == 4


@pytest.mark.parametrize("name", ["qx32", "q2", "q4-hi", "mxfp4", "nvfp4"])
@pytest.mark.parametrize("router", ["mlp.gate", "feed_forward.gate", "mlp.router", "mlp.shared_expert_gate"])
def test_routers_never_go_below_8_bits(name: str, router: str) -> None:
    """Whatever the recipe, what decides where a token goes keeps 8 bits; gate_proj is no router."""
    assert bits(parse(name), f"model.layers.1.{router}") == 8
    assert bits(parse(name), "model.layers.1.mlp.gate_proj") != 8


@given(st.sampled_from(all_names()), st.integers(1, 20_000))
def test_every_decision_is_one_that_mlx_can_store(name: str, in_dims: int) -> None:
    """The group size always divides the columns, bits and mode exist; what does not fit stays a float."""
    for path in ("lm_head", "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj"):
        given = decide(parse(name), path, layer_of(path), 4, in_dims)
        if given is None:
            assert name == "bf16" or in_dims % (16 if name == "nvfp4" else 32)
        elif given.mode == "affine":
            assert given.bits in WIDTHS
            assert given.group_size in (32, 64, 128)
            assert in_dims % given.group_size == 0
        else:
            assert (given.bits, given.group_size) == FIXED_MODES[given.mode]


def test_hi_means_group_size_32_otherwise_64() -> None:
    """The suffix changes the group size and no width."""
    assert decide(parse("q6-hi"), "lm_head", None, 1, 256) == Quantization(bits=6, group_size=32)
    assert decide(parse("q6"), "lm_head", None, 1, 256) == Quantization(bits=6, group_size=64)


def test_a_column_count_off_64_takes_group_size_32() -> None:
    """96 columns cannot have groups of 64, so they get 32; 100 stay floats."""
    assert decide(parse("q6"), "lm_head", None, 1, 96) == Quantization(bits=6, group_size=32)
    assert decide(parse("q6"), "lm_head", None, 1, 100) is None


def test_the_hash_is_of_what_a_recipe_does() -> None:
    """No two recipes share a hash, and one recipe keeps its own."""
    hashes = {parse(name).hash for name in all_names()}
    assert len(hashes) == len(all_names())
    parse.cache_clear()
    assert {parse(name).hash for name in all_names()} == hashes
