"""Which recipes run on a Mac: never more than its working set, best first, by size and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UnsuitableBase
from bot.recipes import InventoryRequest, Prediction
from bot.recipes.inventory import read
from bot.recipes.layout import Inventory
from bot.recipes.mac.fit import RECIPES, Candidate, Fit, activation_types, candidates, fitting, paste
from bot.recipes.mac.kv_cache import demands
from bot.recipes.mac.memory import FILL, GIB, RESERVE, Demand, DemandRequest, Demands, working_set
from bot.recipes.names import parse
from bot.records import Recipe

QWEN3_30B: dict[str, Any] = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "intermediate_size": 6144,
    "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936,
    "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "moe_intermediate_size": 768, "norm_topk_prob": True,
}  # fmt: skip
SHIPPED = tuple(parse(name) for name in RECIPES)


def held(config: dict[str, Any]) -> Inventory:
    return read(InventoryRequest(base="someone/Base", config=json.dumps(config)), lambda _: None)


def weighed(config: dict[str, Any], tokens: int = 8192) -> tuple[Candidate, ...]:
    """All shipped candidates on that base, measured as `bot recipes fit` measures them."""
    known = held(config)
    dtypes = activation_types(SHIPPED, known)
    request = DemandRequest(base="someone/Base", config=json.dumps(config), tokens=tokens, dtypes=dtypes)
    return candidates(SHIPPED, known, demands(request, lambda _: None))


def candidate(name: str, size: int, bits: float, demand: Demand) -> Candidate:
    recipe = Recipe(name=name, rules=parse("q4").rules)
    return Candidate(
        prediction=Prediction(recipe=recipe, bytes=size, bits_per_weight=bits, parameters=1), demand=demand
    )


SIZES = st.integers(0, 600 * GIB)
DEMANDS = st.builds(Demand, cache=SIZES, attention=SIZES)
CANDIDATES = st.lists(
    st.builds(candidate, st.text(min_size=1, max_size=5), SIZES, st.floats(0.5, 32), DEMANDS),
    max_size=8,
    unique_by=lambda c: c.prediction.recipe.name,
)


def that_fit(fits: tuple[Fit, ...]) -> list[str]:
    return [fit.recipe for fit in fits if fit.fits]


@pytest.mark.parametrize(
    ("memory", "best", "count"), [(16, None, 0), (24, "qx53-hi", 5), (32, "qx65-hi", 11), (64, "q8-hi", 15)]
)
def test_a_real_base_on_real_macs(memory: int, best: str | None, count: int) -> None:
    """Qwen3-30B-A3B with 8192 tokens: nothing runs in 16 GB, 8 bits in 64 GB; bf16 (61 GB) in neither."""
    fits = fitting(weighed(QWEN3_30B), working_set=working_set(memory * GIB).bytes)
    line = paste("Qwen/Qwen3-30B-A3B", fits)
    assert line == (f"bot publish Qwen/Qwen3-30B-A3B --recipe {best}" if best else None)
    assert len(that_fit(fits)) == count
    assert len(fits) == len(RECIPES)
    assert all(fit.cache == 805_306_368 for fit in fits)


def test_the_caches_of_a_float32_base_depend_on_the_recipe() -> None:
    """bf16 casts to bfloat16; the others compute as the base is stored, with caches twice as large."""
    by_name = {c.prediction.recipe.name: c for c in weighed(QWEN3_30B | {"torch_dtype": "float32"}, 256)}
    assert by_name["q4-hi"].demand.cache == 2 * by_name["bf16"].demand.cache


def test_a_base_without_attention_can_have_the_uniform_recipes() -> None:
    """A qx recipe has nothing to enhance there; when only such are asked for, the base is refused."""
    mamba = {
        "model_type": "mamba2", "num_heads": 4, "head_dim": 16, "vocab_size": 64, "hidden_size": 64,
        "intermediate_size": 64, "state_size": 16, "num_hidden_layers": 2, "layer_norm_epsilon": 1e-5,
        "conv_kernel": 4, "n_groups": 1, "use_bias": False, "use_conv_bias": True,
        "tie_word_embeddings": True, "time_step_limit": [0.0, 1.0], "time_step_rank": "auto",
    }  # fmt: skip
    names = [c.prediction.recipe.name for c in weighed(mamba, 100)]
    assert "q4-hi" in names
    assert not any(name.startswith("qx") for name in names)
    with pytest.raises(UnsuitableBase, match="qx64-hi finds no attention"):
        candidates((parse("qx64-hi"),), held(mamba), Demands(items=(Demand(cache=0),)))


@given(CANDIDATES, SIZES)
def test_nothing_that_fits_takes_more_than_the_working_set(given_: list[Candidate], limit: int) -> None:
    """Weights, caches, attention and the reserve together; and the weights no more than mlx-lm likes."""
    by_name = {c.prediction.recipe.name: c for c in given_}
    for fit in fitting(given_, working_set=limit):
        of = by_name[fit.recipe]
        total = of.prediction.bytes + of.demand.cache + of.demand.attention + RESERVE
        assert fit.fits == (total <= limit and of.prediction.bytes <= FILL * limit)
        assert fit.spare == limit - fit.needed
        assert fit.fits == (fit.spare >= 0)


@given(CANDIDATES, SIZES, SIZES)
def test_more_memory_never_fits_fewer(given_: list[Candidate], one: int, other: int) -> None:
    """What fits a small working set fits every larger one, in the same order."""
    less, more = sorted((one, other))
    small, large = that_fit(fitting(given_, working_set=less)), that_fit(fitting(given_, working_set=more))
    assert [name for name in large if name in small] == small


@given(CANDIDATES, SIZES, SIZES, SIZES)
def test_more_context_never_fits_more(given_: list[Candidate], cache: int, scores: int, limit: int) -> None:
    """Larger caches and larger scores leave less for weights."""
    grown = [
        Candidate(
            prediction=c.prediction,
            demand=Demand(cache=c.demand.cache + cache, attention=c.demand.attention + scores),
        )
        for c in given_
    ]
    assert set(that_fit(fitting(grown, working_set=limit))) <= set(
        that_fit(fitting(given_, working_set=limit))
    )


@given(CANDIDATES, SIZES)
def test_those_that_fit_come_first_by_bits_then_the_nearest(given_: list[Candidate], limit: int) -> None:
    """The order does not depend on the order asked, and the others follow by what they lack."""
    fits = fitting(given_, working_set=limit)
    assert fits == fitting(given_[::-1], working_set=limit)
    assert [fit.fits for fit in fits] == sorted((fit.fits for fit in fits), reverse=True)
    running = [fit for fit in fits if fit.fits]
    assert [f.bits_per_weight for f in running] == sorted((f.bits_per_weight for f in running), reverse=True)
    lacking = [-fit.spare for fit in fits if not fit.fits]
    assert lacking == sorted(lacking)
