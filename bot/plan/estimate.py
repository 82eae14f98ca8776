"""What a plan will take: disk, memory, Hub storage, and the hours that past runs on that machine suggest.

Time: a past run tells how long each stage took for how much work; the plan's work at that pace is one
prediction, stage by stage, and the median of all runs that are like it is what is expected, their extremes
the range. Work is counted so:

    fetch     bytes of the base's weights
    quantize  bytes of the base's weights, once per quant
    measure   bytes of the base's weights, for the base and each quant, per sequence read
    publish   bytes of the quants

Runs are like each other when their weights differ by at most a factor of `LIKE`; where none is, nothing is
predicted. Pure; `bot.plan.past` reads the runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from bot.plan.proposal import Estimate
from bot.records import MeasureSettings, Plan, Record

Stage = Literal["fetch", "quantize", "measure", "publish"]

LIKE = 16.0
"""Weights that differ by more than this factor say nothing of each other's time."""

NEAREST = 9
"""How many of the runs that are like the plan are asked, the nearest in size."""

MEMORY_FILL = 0.9
"""Share of the memory that a model's weights may take (`bot.measure.speed.FILL`)."""

MEMORY_BESIDE = 2 << 30
"""Bytes beside the weights: the process, its libraries, one batch."""

_SEQUENCES = {
    "arc_challenge": 1172 * 4, "arc_easy": 2376 * 4, "boolq": 3270 * 2, "hellaswag": 10_042 * 4,
    "openbookqa": 500 * 4, "piqa": 1838 * 2, "winogrande": 1267 * 2,
}  # fmt: skip
"""Questions times choices of lm-eval's tasks: what a model reads for them."""
_CHOICES = 4
_UNKNOWN_TASK = 1000 * _CHOICES


class Work(Record, frozen=True, kw_only=True):
    """How much of what takes time: bytes of the base, number of quants, their bytes, sequences read."""

    weight_bytes: int
    quants: int
    made_bytes: int
    sequences: int

    def of(self, stage: Stage) -> float:
        """The stage's work in units of its own."""
        if stage == "fetch":
            return float(self.weight_bytes)
        if stage == "quantize":
            return float(self.weight_bytes) * self.quants
        if stage == "measure":
            return float(self.weight_bytes) * (self.quants + 1) * self.sequences
        return float(self.made_bytes)


class PastRun(Record, frozen=True, kw_only=True):
    """A run that went well: its work, and the seconds that each stage took. `machine` as
    `bot.plan.past.machine_of` names it."""

    repo: str
    machine: str
    work: Work
    seconds: Mapping[Stage, float]


def work_of(plan: Plan) -> Work:
    """The work that the plan asks for."""
    made = plan.to_make()
    return Work(
        weight_bytes=plan.base.weight_bytes,
        quants=len(made),
        made_bytes=sum(quant.predicted_bytes for quant in made),
        sequences=sequences(plan.measure),
    )


def sequences(measure: MeasureSettings) -> int:
    """What a model reads in one measurement: each choice of each question, and the text of the perplexity."""
    asked = 0
    for task in measure.tasks:
        whole = _SEQUENCES.get(task, _UNKNOWN_TASK)
        asked += whole if measure.limit is None else min(whole, measure.limit * _CHOICES)
    return asked * len(measure.templates) + measure.perplexity_samples


def estimate(plan: Plan, past: Sequence[PastRun], machine: str) -> Estimate:
    """What the plan will take on `machine`."""
    made = [quant.predicted_bytes for quant in plan.to_make()]
    seconds, basis = _seconds(work_of(plan), past, machine)
    return Estimate(
        seconds=statistics.median(seconds) if seconds else None,
        seconds_low=min(seconds, default=None),
        seconds_high=max(seconds, default=None),
        disk_bytes=plan.disk_bytes if made else 0,
        memory_bytes=_memory(made),
        upload_bytes=sum(made),
        private_bytes=_private(plan),
        basis=basis,
    )


def _memory(made: Sequence[int]) -> int:
    """The largest quant whole, as it is tried out and its speed taken; the base is read layer by layer."""
    return int(max(made) / MEMORY_FILL) + MEMORY_BESIDE if made else 0


def _private(plan: Plan) -> int:
    """Quants are published one after the other, so that one at a time is private, unless all stay so.

    What is public already is brought up to date on a branch of its public repo.
    """
    new = [q.predicted_bytes for q in plan.to_make() if q.action == "make"]
    if plan.keep_private:
        return sum(new)
    return max(new, default=0) if plan.staging == "private" else 0


def _seconds(work: Work, past: Sequence[PastRun], machine: str) -> tuple[list[float], str]:
    """A prediction from each past run that is like this work, and in words where they come from."""
    here = [run for run in past if run.machine == machine and run.work.weight_bytes > 0]
    if not work.quants or not here:
        return [], "nothing has run on this machine yet" if work.quants else ""
    distance = {id(run): _distance(run.work.weight_bytes, work.weight_bytes) for run in here}
    like = [run for run in here if distance[id(run)] <= math.log(LIKE)]
    if not like:
        largest = max(run.work.weight_bytes for run in here)
        return [], f"nothing of this size has run on this machine yet (largest base: {largest / 1e9:.1f} GB)"
    nearest = sorted(like, key=lambda run: distance[id(run)])[:NEAREST]
    predicted = [found for run in nearest if (found := _at_pace_of(run, work)) is not None]
    runs = "1 run" if len(predicted) == 1 else f"{len(predicted)} runs"
    names = ", ".join(dict.fromkeys(run.repo.split("/", 1)[-1] for run in nearest[:3]))
    return predicted, f"from {runs} on this machine ({names}{', …' if len(nearest) > 3 else ''})"


def _distance(one: int, other: int) -> float:
    return abs(math.log(one / other)) if one > 0 and other > 0 else math.inf


def _at_pace_of(run: PastRun, work: Work) -> float | None:
    """Seconds for `work` if each stage went as fast as it did in `run`; None where that says nothing."""
    total = 0.0
    for stage, seconds in run.seconds.items():
        done = run.work.of(stage)
        if done > 0:
            total += seconds * work.of(stage) / done
    return total if total > 0 else None
