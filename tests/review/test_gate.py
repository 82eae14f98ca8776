"""The gate stops what is broken and nothing else, and says why with the number, the bound and the way out."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.records import ByWidth, Divergence, Gate, GateSettings, Measurement
from bot.review.gate import WIDTHS, judge, width_of
from tests.card.examples import BASE_MEASUREMENT, MXFP4, QX64_HI, QX86_HI

BITS = st.floats(0.5, 16)
KL = st.floats(0, 50)


def drifted(kl: float, mine: Measurement = QX64_HI) -> Measurement:
    divergence = Divergence(
        base="base", mean=kl, stderr=kl / 10, median=kl / 2, p99=8 * kl, top1=0.9, tokens=1000, dataset="text"
    )
    return replace(mine, divergence=divergence)


def perplexed(times: float) -> Measurement:
    mine, base = QX64_HI.perplexity, BASE_MEASUREMENT.perplexity
    assert mine is not None
    assert base is not None
    return replace(QX64_HI, perplexity=replace(mine, value=base.value * times))


def gate(mine: Measurement, bits: float = 6.28, settings: GateSettings = GateSettings()) -> Gate:  # noqa: B008
    return judge(mine, BASE_MEASUREMENT, bits, settings)


@pytest.mark.parametrize(
    ("bits", "width"),
    [(16, "8bit"), (8.5, "8bit"), (6.5, "6bit"), (5.5, "6bit"), (4.5, "4bit"), (4.25, "4bit"), (4.0, "3bit"),
     (3.5, "3bit"), (2.5, "2bit"), (0, "2bit")],
)  # fmt: skip
def test_a_quant_is_held_to_the_bound_of_its_width(bits: float, width: str) -> None:
    """Bits per weight decide the class; a narrower class allows more."""
    assert width_of(bits, GateSettings()).name == width
    for wide, narrow in itertools.pairwise(WIDTHS):
        assert wide.kl < narrow.kl
        assert wide.perplexity < narrow.perplexity


@pytest.mark.parametrize(
    ("bits", "kl", "ratio"),
    [(8.5, 0.0014, 1.0004), (6.56, 0.0055, 1.0035), (5.5, 0.0222, 1.021), (4.85, 0.0313, 1.028),
     (4.5, 0.0719, 1.075), (3.91, 0.1019, 1.105), (3.5, 0.2282, 1.262), (2.96, 0.4451, 1.565)],
)  # fmt: skip
def test_published_sound_quants_pass_and_broken_ones_do_not(bits: float, kl: float, ratio: float) -> None:
    """Llama 3 8B in llama.cpp's table passes at each width, at twice its drift too; iq1_S's never does."""
    mine = drifted(2 * kl, perplexed(1 + 2 * (ratio - 1)))
    assert gate(mine, bits).passed
    assert not gate(drifted(2.21), bits).passed
    assert not gate(perplexed(9.3), bits).passed


def test_a_reason_names_the_number_the_bound_and_the_way_out() -> None:
    """Nobody has to guess what was too much, compared with what, and which line to change."""
    (reason,) = gate(drifted(0.4)).reasons
    assert reason == (
        "its KL to the base is 0.4 nats a token, over the 0.2 that a quant of 6.28 bits per weight may "
        "have: take a wider recipe, or raise `gate: kl: 6bit`"
    )
    (reason,) = gate(perplexed(1.5)).reasons
    assert "1.5 times the base's, over the 1.2" in reason


@given(KL, KL, BITS)
def test_a_worse_kl_never_turns_a_stop_into_a_pass(one: float, other: float, bits: float) -> None:
    """The gate is monotone in the drift."""
    better, worse = sorted((one, other))
    assert gate(drifted(better), bits).passed >= gate(drifted(worse), bits).passed


@given(KL, BITS, BITS)
def test_a_narrower_quant_is_never_held_to_a_tighter_bound(kl: float, one: float, other: float) -> None:
    """The gate is monotone in the width."""
    narrow, wide = sorted((one, other))
    assert gate(drifted(kl), narrow).passed >= gate(drifted(kl), wide).passed


@given(KL, st.floats(0.001, 10), st.floats(0.001, 10), BITS)
def test_a_publishers_looser_bound_never_stops_more(kl: float, one: float, other: float, bits: float) -> None:
    """Bounds from the watchlist replace the defaults of their class alone."""
    tight, loose = (
        GateSettings(kl=ByWidth(bits8=b, bits6=b, bits4=b, bits3=b, bits2=b)) for b in sorted((one, other))
    )
    assert gate(drifted(kl), bits, loose).passed >= gate(drifted(kl), bits, tight).passed
    only8 = GateSettings(kl=ByWidth(bits8=1e-9))
    assert gate(drifted(kl), 4.5, only8).passed == gate(drifted(kl), 4.5).passed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_finite_number_is_stopped(value: float) -> None:
    """In the KL, the perplexity, and a task's score alike."""
    score = replace(QX64_HI.tasks[0], value=value)
    for mine in (drifted(value), perplexed(value), replace(QX64_HI, tasks=(score, *QX64_HI.tasks[1:]))):
        found = gate(mine)
        assert not found.passed
        assert "no finite number" in found.reasons[0]


def test_what_the_smoke_test_says_stops_too() -> None:
    """A complaint about the answers is a reason as it stands."""
    found = judge(QX86_HI, BASE_MEASUREMENT, 8.5, complaints=("its answer to 'hello' repeats itself",))
    assert (found.passed, found.reasons) == (False, ("its answer to 'hello' repeats itself",))


def test_what_could_not_be_judged_is_said_and_stops_nothing() -> None:
    """Without a measured base, without KL, without tasks: the gate says what it did not look at."""
    alone = judge(QX64_HI, None, 6.28)
    assert alone.passed
    assert alone.not_judged == ("the base was not measured, so nothing is held against it",)
    bare = gate(replace(QX64_HI, tasks=(), perplexity=None))
    assert bare.passed
    assert len(bare.not_judged) == 3


def test_non_inferiority_is_a_label_and_stops_only_where_told_to() -> None:
    """The label is there either way, with margin and power; with `stop` what is not shown is kept back."""
    label = gate(MXFP4, 4.25)
    assert label.passed
    assert label.non_inferiority is not None
    assert label.non_inferiority.margin == 0.01
    assert 0 <= label.non_inferiority.power <= 1
    stop = gate(MXFP4, 4.25, GateSettings(non_inferiority="stop"))
    assert stop.non_inferiority == label.non_inferiority
    assert label.non_inferiority.verdict != "non-inferior"
    assert not stop.passed
    assert "margin is 0.01 (power" in stop.reasons[0]
    assert gate(QX86_HI, 8.5, GateSettings(non_inferiority="stop", margin=0.2)).passed
