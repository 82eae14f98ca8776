"""Tokens per second as mlx_lm.benchmark counts them: random prompt, no early stop, one warm-up.

`stream_generate` sets MLX's wired limit on Metal by itself, for as long as it generates (not run on Linux).

A speed is what the machine can do when it does nothing else. So there is none of weights that do not fit, and
none that is published when others were at work too: what counts is how much processor time other processes
took shortly before and during the runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import psutil
from mlx_lm import stream_generate

from bot.card.numbers import size
from bot.records import MeasureSettings, Record, Speed

FILL = 0.9
"""Weights above this share of Metal's working set are slow; it is where mlx_lm.generate warns, too."""

BUSY_SHARE = 0.1
"""Others may take this share of the cores; what a Mac does when nobody uses it takes less."""

BUSY_CORES = 0.5
"""… and as much as this, where there are few cores."""

QUEUE = 2.0
"""A load average of so many times the cores: processes wait in line. Our own work alone stays below."""

BEFORE = 0.5
"""Seconds of looking at the machine before the first run."""

SHORTEST = 0.25
"""Seconds; processor times of a shorter while say nothing, as they are counted in hundredths."""


class Counters(Record, frozen=True, kw_only=True):
    """What psutil says at one moment: seconds of processor time taken by all, and by this process, so far."""

    at: float
    busy: float
    own: float
    load: float = 0.0
    on_battery: bool = False
    hot: bool = False


def measure(
    model: nn.Module, tokenizer: Any, config: dict[str, Any], settings: MeasureSettings
) -> tuple[Speed, str | None]:
    """The median of `speed_trials` runs, the spread between the fastest and the slowest, and whether others
    disturbed them: then a sentence says so, and the speed is not to be published."""
    mx.random.seed(0)
    vocabulary = config.get("vocab_size") or config["text_config"]["vocab_size"]
    prompt = mx.random.randint(0, vocabulary, (settings.prompt_tokens,))
    seen, runs = watched(), []
    end_tokens = tokenizer.eos_token_ids
    tokenizer.eos_token_ids = None
    try:
        _run(model, tokenizer, prompt, settings.generation_tokens)
        for _ in range(settings.speed_trials):
            runs.append(_run(model, tokenizer, prompt, settings.generation_tokens))
            seen.append(counters())
    finally:
        tokenizer.eos_token_ids = end_tokens
    return _speed(runs, settings), busy(seen, psutil.cpu_count() or 1)


def _run(model: nn.Module, tokenizer: Any, prompt: mx.array, tokens: int) -> tuple[float, float]:
    *_, last = stream_generate(model, tokenizer, prompt, max_tokens=tokens)
    return last.prompt_tps, last.generation_tps


def _speed(runs: Sequence[tuple[float, float]], settings: MeasureSettings) -> Speed:
    prompt_tps, generation_tps = zip(*runs, strict=True)
    return Speed(
        prompt_tps=statistics.median(prompt_tps),
        generation_tps=statistics.median(generation_tps),
        prompt_tokens=settings.prompt_tokens,
        generation_tokens=settings.generation_tokens,
        trials=settings.speed_trials,
        prompt_spread=max(prompt_tps) - min(prompt_tps),
        generation_spread=max(generation_tps) - min(generation_tps),
    )


# ------------------------------------------------------------------ deciding


def too_large(weights: int, memory: int, where: str) -> str | None:
    """Why weights of so many bytes have no speed where `memory` bytes are for them; None where they have."""
    if weights <= FILL * memory:
        return None
    return f"the weights take {size(weights)}, more than {FILL:.0%} of the {size(memory)} of {where}"


def busy(seen: Sequence[Counters], cores: int) -> str | None:
    """Why what was timed between the first and the last of these is no speed of this machine; None: it is.

    The median of the whiles counts, as it does of the runs: one disturbance does not matter.
    """
    if any(each.on_battery for each in seen):
        return "the machine ran on its battery"
    if any(each.hot for each in seen):
        return "the machine was too hot to run at its full speed"
    load = min(each.load for each in seen)
    if load > QUEUE * cores:
        return f"the machine was busy: a load of {load:.1f} on {cores} cores"
    taken = _taken_by_others(seen)
    others = statistics.median(taken) if taken else 0.0
    if others > max(BUSY_CORES, BUSY_SHARE * cores):
        return f"the machine was busy: other processes took {others:.1f} of its {cores} cores"
    return None


def _taken_by_others(seen: Sequence[Counters]) -> list[float]:
    """Cores that other processes took in each while; one that is too short goes on into the next."""
    taken, first = [], seen[0]
    for last in seen[1:]:
        seconds = last.at - first.at
        if seconds >= SHORTEST:
            taken.append(max(0.0, (last.busy - first.busy) - (last.own - first.own)) / seconds)
            first = last
    return taken


# ------------------------------------------------------------------ looking


def watched() -> list[Counters]:
    """Two looks at the machine, BEFORE seconds apart."""
    first = counters()
    time.sleep(BEFORE)
    return [first, counters()]


def busy_now() -> str | None:
    """Why nothing can be timed at the moment; None: it can."""
    return busy(watched(), psutil.cpu_count() or 1)


def counters() -> Counters:
    """One look at the machine."""
    every = psutil.cpu_times()._asdict()
    idle = sum(every.get(name, 0.0) for name in ("idle", "iowait", "guest", "guest_nice"))  # user has guest's
    own = psutil.Process().cpu_times()
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return Counters(
        at=time.monotonic(),
        busy=sum(every.values()) - idle,
        own=own.user + own.system,
        load=psutil.getloadavg()[0],
        on_battery=battery is not None and battery.power_plugged is False,
        hot=_hot(),
    )


def _hot() -> bool:
    """Whether a sensor is at its critical temperature. psutil knows none on a Mac."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return any(
        each.critical and each.current >= each.critical > 0 for group in sensors.values() for each in group
    )
