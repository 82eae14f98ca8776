"""Child process: what tuning a base would take, from one pass and one packing that are timed.

`python -m bot.recipes.tune.estimate`.
"""

from __future__ import annotations

import time
from pathlib import Path

import mlx.core as mx

from bot.child import Progress, Report, serve
from bot.recipes.recipe import WIDTHS
from bot.recipes.tune import Estimate, TuneRequest
from bot.recipes.tune.fake import Base
from bot.recipes.tune.forward import Forward, divergences, log_probabilities, memory
from bot.recipes.tune.sensitivity import Sweep
from bot.recipes.tune.terms import terms
from bot.recipes.tune.text import halves, stand_in

JUDGING = 4
"""Whole passes beside those of the blocks: the base on either half, both recipes on the held-out one."""


def estimate(request: TuneRequest, report: Report) -> Estimate:
    """Raises what `tune` would, but for a dataset, which is not fetched."""
    report(Progress(stage="tune", what=f"reading {request.base}"))
    base = Base(Path(request.folder), request.base, request.like, text_only=request.text_only)
    held = terms(request, base.inventory)
    if request.text is not None:
        halves(request)
    base.read()
    report(Progress(stage="tune", what="timing one pass"))
    sample = stand_in(request)
    sweep = Sweep(base, held, sample, report)
    one_pass, vocabulary = _pass_seconds(Forward(base.model, sample, base.name))
    passes = sum(step.share for step in sweep.steps) * len(WIDTHS) + JUDGING
    packing = len(WIDTHS) * _packing_seconds(base, sweep)
    return Estimate(
        blocks=len(held.blocks),
        widths=len(WIDTHS),
        passes=len(held.blocks) * len(WIDTHS) + JUDGING,
        tokens=request.samples * request.length,
        seconds=passes * request.samples * one_pass + packing,
        memory=base.bytes + memory(request.samples, request.length, vocabulary),
        budget_bytes=held.budget.limit(held.like_layout, held.like_layout),
    )


def _pass_seconds(forward: Forward) -> tuple[float, int]:
    """For one sample, compared with itself, the faster of two; and how many words the model knows."""
    said = log_probabilities(forward)
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        divergences(forward, said)
        taken.append(time.perf_counter() - start)
    return min(taken), int(said[0].shape[-1])


def _packing_seconds(base: Base, sweep: Sweep) -> float:
    """For every block once: the largest one's packing, at 4 bits, is timed."""
    sizes = {step.number: step.block.bytes[4] for step in sweep.steps}
    largest = max(sweep.steps, key=lambda step: sizes[step.number])
    start = time.perf_counter()
    with base.changed(sweep.wanted(largest.block, 4)):
        mx.synchronize()
    return (time.perf_counter() - start) * sum(sizes.values()) / sizes[largest.number]


if __name__ == "__main__":
    serve(estimate, TuneRequest)
