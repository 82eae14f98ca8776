"""Which widths are chosen: the least loss that the bytes allow, whatever the losses are."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recipes.recipe import WIDTHS
from bot.recipes.tune.choose import GAP, Option, choose, options, typical

Blocks = list[tuple[Option, ...]]

losses = st.floats(1e-9, 50)


@st.composite
def block(draw: st.DrawFn, widths: tuple[int, ...] = WIDTHS) -> tuple[Option, ...]:
    """Measured losses of any kind, and the sizes that MLX's packing gives at group size 32."""
    weights = 32 * draw(st.integers(1, 10**7))
    return options(
        {bits: weights * bits // 8 + weights // 8 for bits in widths}, {bits: draw(losses) for bits in widths}
    )


def bytes_of(chosen: tuple[Option, ...]) -> int:
    return sum(option.bytes for option in chosen)


def loss_of(chosen: tuple[Option, ...]) -> float:
    return math.fsum(option.loss for option in chosen)


def budgets(blocks: Blocks) -> st.SearchStrategy[int]:
    """From just enough for the cheapest options to more than the dearest take."""
    cheapest = sum(min(option.bytes for option in held) for held in blocks)
    dearest = sum(max(option.bytes for option in held) for held in blocks)
    return st.integers(cheapest, dearest + 8)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_other_choice_within_the_budget_loses_less(data: st.DataObject) -> None:
    """Against every choice there is, for a few blocks: within the solver's stated gap."""
    blocks = data.draw(st.lists(block(widths=(2, 3, 4, 6)), min_size=1, max_size=5))
    budget = data.draw(budgets(blocks))
    chosen = choose(blocks, budget)
    best = min(loss_of(other) for other in itertools.product(*blocks) if bytes_of(other) <= budget)
    assert bytes_of(chosen) <= budget
    assert loss_of(chosen) <= best * (1 + GAP) + 1e-6 * max(o.loss for held in blocks for o in held)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_the_budget_holds_and_no_uniform_width_that_fits_loses_less(data: st.DataObject) -> None:
    """For as many blocks as a small model has, at any budget."""
    blocks = data.draw(st.lists(block(), min_size=20, max_size=60))
    budget = data.draw(budgets(blocks))
    chosen = choose(blocks, budget)
    assert bytes_of(chosen) <= budget
    for bits in WIDTHS:
        uniform = tuple(max((o for o in held if o.bits <= bits), key=lambda o: o.bits, default=held[0])
                        for held in blocks)  # fmt: skip
        if bytes_of(uniform) <= budget:
            assert loss_of(chosen) <= loss_of(uniform) * (1 + 1e-5)


def test_a_budget_below_the_cheapest_options_is_refused() -> None:
    """By as many bytes as are missing."""
    with pytest.raises(ValueError, match="3 bytes more"):
        choose([(Option(bits=2, bytes=10, loss=1.0),)], 7)


@given(st.dictionaries(st.sampled_from(WIDTHS), losses, min_size=1))
def test_wider_options_always_lose_less(measured: dict[int, float]) -> None:
    """Luck of a narrow width is not believed, and what a wider one does not improve is not offered."""
    offered = options({bits: bits for bits in WIDTHS}, measured)
    assert all(a.bits < b.bits and a.loss > b.loss for a, b in itertools.pairwise(offered))
    assert all(
        option.loss == max(loss for bits, loss in measured.items() if bits >= option.bits)
        for option in offered
    )
    assert offered[0].bits == min(measured)


def test_rare_positions_do_not_choose() -> None:
    """One position in a hundred where a token went to another expert leaves the figure as it is."""
    smooth = np.full((4, 100), 0.001)
    rare = smooth.copy()
    rare[:, 7] = 5.0
    assert typical(smooth) == typical(rare) == pytest.approx(0.001)
    assert typical(np.full((1, 2), 0.5)) == 0.5


def test_what_is_no_number_anywhere_is_none() -> None:
    """Even at a position that would be left out."""
    values = np.full((1, 100), 0.001)
    values[0, 3] = np.nan
    assert typical(values) == math.inf
