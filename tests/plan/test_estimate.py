"""What a plan will take: time from runs that are like it, disk, memory, storage from what it makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.plan.estimate import (
    LIKE,
    NEAREST,
    PastRun,
    Stage,
    estimate,
    sequences,
    work_of,
)
from bot.plan.room import busy
from bot.records import MeasureSettings
from tests.plan.proposals import GB, base, planned

HERE = "here"
SECONDS: dict[Stage, float] = {"fetch": 60.0, "quantize": 300.0, "measure": 3000.0, "publish": 120.0}


def ran(weights: int = 16 * GB, pace: float = 1.0, machine: str = HERE, repo: str = "a/b") -> PastRun:
    """A run of a base of that size; at pace 2 everything took twice as long."""
    plan = planned(base(repo, weights=weights), "q8", "q4")
    return PastRun(
        repo=repo, machine=machine, work=work_of(plan), seconds={s: pace * t for s, t in SECONDS.items()}
    )


def test_the_same_again_is_expected_to_take_as_long_as_it_did() -> None:
    """One run gives one figure, without a range, and says whose it is."""
    found = estimate(planned(base(), "q8", "q4"), [ran(repo="Qwen/Qwen3-4B")], HERE)
    assert found.seconds == pytest.approx(sum(SECONDS.values()))
    assert found.seconds_low == found.seconds_high == found.seconds
    assert found.basis == "from 1 run on this machine (Qwen3-4B)"


def test_the_median_is_expected_and_the_extremes_are_the_range() -> None:
    """One slow night does not change what is expected."""
    found = estimate(planned(base(), "q8", "q4"), [ran(pace=p) for p in (1.0, 1.1, 9.0)], HERE)
    whole = sum(SECONDS.values())
    assert (found.seconds_low, found.seconds, found.seconds_high) == pytest.approx(
        (whole, 1.1 * whole, 9 * whole)
    )


@pytest.mark.parametrize(
    ("past", "basis"),
    [
        ([], "nothing has run on this machine yet"),
        ([ran(machine="another")], "nothing has run on this machine yet"),
        ([ran(weights=GB // 2)], "nothing of this size has run on this machine yet (largest base: 0.5 GB)"),
        (
            [ran(weights=16 * GB * 17)],
            "nothing of this size has run on this machine yet (largest base: 272.0 GB)",
        ),
    ],
)
def test_where_nothing_like_it_ran_no_time_is_made_up(past: list[PastRun], basis: str) -> None:
    """Another machine's time, or that of a base of quite another size, says nothing."""
    found = estimate(planned(base()), past, HERE)
    assert (found.seconds, found.seconds_low, found.seconds_high) == (None, None, None)
    assert found.basis == basis


@given(st.floats(1 / LIKE * 1.01, LIKE * 0.99), st.integers(1, 6), st.floats(0.1, 10))
def test_time_grows_with_weights_and_quants(factor: float, quants: int, pace: float) -> None:
    """Twice the weights take twice as long, stage by stage; quantizing by the number of quants, measuring by
    that of models (the base is one), publishing by what is uploaded."""
    past = ran(pace=pace)
    plan = planned(base(weights=int(16 * GB * factor)), *(f"q{n}" for n in range(quants)))
    found = estimate(plan, [past], HERE)
    expected = pace * (
        SECONDS["fetch"] * factor
        + SECONDS["quantize"] * factor * quants / 2
        + SECONDS["measure"] * factor * (quants + 1) / 3
        + SECONDS["publish"] * quants / 2
    )
    assert found.seconds == pytest.approx(expected, rel=1e-6)


def test_fewer_questions_take_less_measuring() -> None:
    """A limit counts for each task, at most its questions; two runs with the template both ways are two."""
    whole, few = MeasureSettings(), MeasureSettings(limit=100)
    assert sequences(few) == 7 * 400 + 256
    assert sequences(whole) == 4 * (1172 + 2376 + 10_042 + 500) + 2 * (3270 + 1838 + 1267) + 256
    assert sequences(replace(few, chat_template="both")) == 2 * 7 * 400 + 256
    assert sequences(replace(few, tasks=())) == 256


def test_the_nearest_runs_are_asked() -> None:
    """Of many, those of nearly this size; ten times larger ones do not widen the range."""
    near = [ran(weights=16 * GB + n) for n in range(NEAREST)]
    far = [ran(weights=160 * GB, pace=50.0)]
    found = estimate(planned(base(), "q8", "q4"), [*far, *near], HERE)
    assert found.seconds_high == pytest.approx(sum(SECONDS.values()), rel=1e-3)
    assert found.basis.startswith(f"from {NEAREST} runs")


def test_what_lies_on_disk_in_memory_and_on_the_hub() -> None:
    """Memory holds the largest quant whole; the Hub holds all, one at a time is private."""
    plan = planned(base(), "q8", "q4", disk_bytes=20 * GB)
    plan = replace(plan, quants=(replace(plan.quants[0], predicted_bytes=9 * GB), plan.quants[1]))
    found = estimate(plan, [], HERE)
    assert found.disk_bytes == 20 * GB
    assert found.memory_bytes == 10 * GB + (2 << 30)
    assert (found.upload_bytes, found.private_bytes) == (10 * GB, 9 * GB)
    assert estimate(replace(plan, keep_private=True), [], HERE).private_bytes == 10 * GB
    assert estimate(replace(plan, staging="branch"), [], HERE).private_bytes == 0
    update = replace(plan, quants=(replace(plan.quants[0], action="update"), plan.quants[1]))
    assert estimate(update, [], HERE).private_bytes == GB


def test_a_plan_that_makes_nothing_takes_nothing() -> None:
    """All zero, and no time."""
    plan = planned(base(), disk_bytes=20 * GB)
    found = estimate(replace(plan, quants=(replace(plan.quants[0], action="published"),)), [ran()], HERE)
    assert (found.disk_bytes, found.memory_bytes, found.upload_bytes, found.seconds) == (0, 0, 0, None)


@given(st.lists(st.tuples(st.integers(-50, 150), st.integers(0, 80)), max_size=12))
def test_hours_worked_are_counted_once(spans: list[tuple[int, int]]) -> None:
    """Steps overlap, begin yesterday and end tomorrow: each second of the day counts once."""
    found = busy([(float(start), float(start + length)) for start, length in spans], 0.0, 100.0)
    covered = {second for start, length in spans for second in range(start, start + length)}
    assert found == len(covered & set(range(100)))
