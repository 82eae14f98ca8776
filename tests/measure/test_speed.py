"""Speeds are counted as mlx_lm.benchmark does; none is published of a machine that was not at its best."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.measure import model, speed
from bot.measure.speed import Counters, busy, too_large
from bot.records import MeasureSettings
from tests.measure import tiny

GIB = 2**30
SETTINGS = MeasureSettings(prompt_tokens=12, generation_tokens=5, speed_trials=3)
generating: Any = importlib.import_module("mlx_lm.generate")


def looks(*others: float, seconds: float = 1.0, own: float = 1.0, **more: Any) -> list[Counters]:
    """One look at the machine before, and one after each while, in which others took so many cores."""
    seen, busy_seconds = [Counters(at=0.0, busy=50.0, own=10.0, **more)], 50.0
    for number, cores in enumerate(others, 1):
        busy_seconds += (cores + own) * seconds
        seen.append(
            Counters(at=number * seconds, busy=busy_seconds, own=10.0 + number * own * seconds, **more)
        )
    return seen


@pytest.mark.parametrize(
    ("seen", "cores", "why"),
    [
        (looks(0.0, 0.1, 0.0), 8, None),
        (looks(0.7, 0.7, 0.7), 8, None),
        (looks(0.9, 0.9, 0.9), 8, "other processes took 0.9 of its 8 cores"),
        (looks(0.0, 4.0, 0.0), 8, None),
        (looks(0.0, 4.0, 4.0), 8, "other processes took 4.0 of its 8 cores"),
        (looks(0.4, 0.4), 2, None),
        (looks(0.6, 0.6), 2, "other processes took 0.6 of its 2 cores"),
        (looks(1.5, 1.5), 16, None),
        (looks(0.0, 0.0, own=8.0), 8, None),
        (looks(9.0, 9.0, seconds=0.01), 8, None),
        (looks(*[4.0] * 100, seconds=0.01), 8, "other processes took 4.0 of its 8 cores"),
        (looks(0.0, load=15.0), 8, None),
        (looks(0.0, load=17.0), 8, "a load of 17.0 on 8 cores"),
        (looks(0.0, on_battery=True), 8, "on its battery"),
        (looks(0.0, hot=True), 8, "too hot"),
        (looks(), 8, None),
    ],
)
def test_a_machine_is_busy_when_others_take_more_than_a_tenth_of_it(
    seen: list[Counters], cores: int, why: str | None
) -> None:
    """At least half a core, in most of the whiles; too short a while, and our own work, do not count."""
    said = busy(seen, cores)
    assert said is None if why is None else why in (said or "")


@pytest.mark.parametrize(
    ("weights", "memory", "said"),
    [
        (90, 100, None),
        (0, 0, None),
        (91 * GIB, 100 * GIB, "take 91.0 GiB, more than 90% of the 100.0 GiB of Metal's working set"),
    ],
)
def test_weights_that_nearly_fill_the_memory_have_no_speed(
    weights: int, memory: int, said: str | None
) -> None:
    """Up to nine tenths they have; beyond, the sentence names both sizes."""
    why = too_large(weights, memory, "Metal's working set")
    assert why is None if said is None else said in (why or "")


def test_a_look_at_this_machine_counts_our_own_work_as_ours() -> None:
    """Counters only grow, and all that was taken is at least what this process took."""
    first, last = speed.watched()
    assert last.at - first.at >= speed.BEFORE
    spent = sum(number * number for number in range(2_000_000))
    later = speed.counters()
    assert spent > 0
    assert later.own > last.own
    assert later.busy >= last.busy >= first.busy > 0


def test_trials_run_under_the_wired_limit_that_mlx_lm_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """stream_generate enters mlx_lm's wired limit with this model: once to warm up, once for each trial."""
    entered: list[Any] = []
    theirs = generating.wired_limit

    @contextlib.contextmanager
    def seen(whole: Any, *rest: Any) -> Iterator[None]:
        entered.append(whole)
        with theirs(whole, *rest):
            yield

    monkeypatch.setattr(generating, "wired_limit", seen)
    loaded, tokenizer, config = model.load(tiny.model_folder(tmp_path / "model"))
    speed.measure(loaded, tokenizer, config, SETTINGS)
    assert entered == [loaded] * 4


def test_a_speed_is_the_median_of_the_trials_after_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the spread between fastest and slowest; end tokens end no run, and are back afterwards."""
    runs = iter([(1.0, 1.0), (100.0, 10.0), (400.0, 30.0), (200.0, 20.0)])
    ends = []

    def run(_: Any, words: Any, prompt: Any, tokens: int) -> tuple[float, float]:
        ends.append((words.eos_token_ids, prompt.shape, tokens))
        return next(runs)

    monkeypatch.setattr(speed, "_run", run)
    loaded, tokenizer, config = model.load(tiny.model_folder(tmp_path / "model"))
    before = set(tokenizer.eos_token_ids)
    measured, _ = speed.measure(loaded, tokenizer, config, SETTINGS)
    assert (measured.prompt_tps, measured.prompt_spread) == (200.0, 300.0)
    assert (measured.generation_tps, measured.generation_spread) == (20.0, 20.0)
    assert (measured.trials, measured.prompt_tokens, measured.generation_tokens) == (3, 12, 5)
    assert ends == [(ends[0][0], (12,), 5)] * 4
    assert not ends[0][0]
    assert set(tokenizer.eos_token_ids) == before


def test_a_speed_that_others_disturbed_comes_with_the_sentence_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What psutil told between the first look and the last trial decides."""
    seen = iter(looks(9.0, 9.0, 9.0, 9.0))
    monkeypatch.setattr(speed, "counters", lambda: next(seen))
    monkeypatch.setattr(speed, "BEFORE", 0.0)
    loaded, tokenizer, config = model.load(tiny.model_folder(tmp_path / "model"))
    _, disturbed = speed.measure(loaded, tokenizer, config, SETTINGS)
    assert disturbed is not None
    assert "other processes took 9.0" in disturbed
