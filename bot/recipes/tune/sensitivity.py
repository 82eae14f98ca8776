"""Child process: each block quantized alone at each width, the best widths chosen, the choice judged.

`python -m bot.recipes.tune.sensitivity`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from bot.child import Progress, Report, serve
from bot.errors import VerificationFailed
from bot.measure import device
from bot.recipes.layout import Layout
from bot.recipes.recipe import WIDTHS, fitting
from bot.recipes.tune import Block, Sensitivity, Tuned, TuneRequest, Whole, in_words
from bot.recipes.tune.blocks import data_of
from bot.recipes.tune.choose import typical
from bot.recipes.tune.fake import Base
from bot.recipes.tune.forward import Forward, divergences, log_probabilities
from bot.recipes.tune.steps import Step, steps
from bot.recipes.tune.terms import Terms, best, terms
from bot.recipes.tune.text import Halves, halves
from bot.recipes.tune.words import comments, verdict
from bot.records import Quantization

BUFFERS = 256 << 20
"""Bytes of freed buffers that MLX may keep."""


def tune(request: TuneRequest, report: Report) -> Tuned:
    """Measure, choose, judge.

    Raises UsageError, NotFound, UnsuitableBase, HostError, ConfigError, HubUnavailable.
    """
    mx.set_cache_limit(BUFFERS)
    report(Progress(stage="tune", what=f"reading {request.base}"))
    base = Base(Path(request.folder), request.base, request.like, text_only=request.text_only)
    held = terms(request, base.inventory)
    text = halves(request)
    base.read()
    losses = Sweep(base, held, text.choosing, report).measured()
    bits = best(held, request.budget, [loss.typical for loss in losses])
    like, tuned = _judged(base, (held.like_layout, held.layout(bits)), text, report)
    measured = tuple(
        Sensitivity(block=block.name, bits=width, kl=_as_text(loss.kl), typical=_as_text(loss.typical))
        for block, width, loss in zip(held.blocks, bits, losses, strict=True)
    )
    comparable = held.budget.room(held.like_layout, held.like_layout) >= 0
    said = verdict(tuned, like, comparable=comparable)
    return Tuned(
        recipe=held.recipe(bits),
        comments=comments(request, text.source, measured, said, versions()),
        verdict=said,
        budget_bytes=held.budget.limit(held.layout(bits), held.like_layout),
        tuned=tuned,
        like=like,
        blocks=measured,
        text=text.source,
        seed=request.seed,
        comparable=comparable,
    )


def _as_text(by_width: dict[int, float]) -> dict[str, float]:
    return {str(bits): value for bits, value in by_width.items()}


class Losses(NamedTuple):
    """Of one block, by width: KL as in `Sensitivity`. A width that gives no number is left out."""

    kl: dict[int, float]
    typical: dict[int, float]


class Sweep:
    """Each block alone at each width over the same text."""

    def __init__(self, base: Base, held: Terms, samples: mx.array, report: Report) -> None:
        self._base, self._report, self._blocks = base, report, held.blocks
        self._group_size = data_of(held.like).group_size
        self._forward = Forward(base.model, samples, base.name)
        self.steps = steps(held.blocks, base.called(self._forward, held.blocks))

    def measured(self) -> tuple[Losses, ...]:
        """Of each block in file order."""
        self._report(Progress(stage="tune", what="what the base itself says"))
        said = log_probabilities(self._forward)
        clock = _Clock(self.steps, self._report)
        found: dict[int, Losses] = {}
        for step in self.steps:
            self._forward.begin_at(self._base.modules[step.begin] if step.begin else None)
            found[step.number] = self._of_block(step, said, clock)
        return tuple(found[number] for number in range(len(self._blocks)))

    def _of_block(self, step: Step, said: Sequence[mx.array], clock: _Clock) -> Losses:
        losses = Losses({}, {})
        for bits in WIDTHS:
            clock.tell(step)
            with self._base.changed(self.wanted(step.block, bits)):
                positions = divergences(self._forward, said)
            clock.done(step)
            if math.isfinite(loss := typical(positions)):
                losses.kl[bits], losses.typical[bits] = float(positions.mean()), loss
        return losses

    def wanted(self, block: Block, bits: int) -> dict[str, Quantization]:
        """What becomes of each of the block's modules at that width."""
        at = Quantization(bits=bits, group_size=self._group_size)
        columns = {path: self._base.modules[path].weight.shape[-1] for path in block.paths}
        return {path: given for path in block.paths if (given := fitting(at, columns[path]))}


class _Clock:
    """Tells which block is measured and how long the rest will take."""

    def __init__(self, all_steps: Sequence[Step], report: Report) -> None:
        self._report, self._start = report, time.monotonic()
        self._all, self._share = len(all_steps) * len(WIDTHS), 0.0
        self._shares = sum(step.share for step in all_steps) * len(WIDTHS)
        self._passes, self._block, self._left = 0, "", ""

    def tell(self, step: Step) -> None:
        if step.block.name != self._block:  # one line a block where lines are printed
            self._block = step.block.name
            self._left = f", {in_words(self._seconds_left())} left" if self._passes else ""
        what = f"{self._block}{self._left}"
        self._report(Progress(stage="tune", what=what, done=self._passes, total=self._all, unit="passes"))

    def done(self, step: Step) -> None:
        self._passes, self._share = self._passes + 1, self._share + step.share

    def _seconds_left(self) -> float:
        return (time.monotonic() - self._start) * (self._shares - self._share) / self._share


def _judged(base: Base, layouts: tuple[Layout, Layout], text: Halves, report: Report) -> tuple[Whole, Whole]:
    """Both recipes as wholes on text that chose nothing."""
    report(Progress(stage="tune", what="what the base says of the held-out text"))
    said = log_probabilities(Forward(base.model, text.held_out, base.name))
    found = []
    for layout in layouts:
        report(Progress(stage="tune", what=f"all of {layout.recipe} on the held-out text"))
        base.become(layout)
        positions = divergences(Forward(base.model, text.held_out, base.name), said)
        if not np.isfinite(positions).all():
            raise VerificationFailed(f"{base.name} in {layout.recipe} gives no numbers: take a larger budget")
        found.append(
            Whole(
                name=layout.recipe,
                bytes=layout.bytes,
                bits_per_weight=layout.bits_per_weight,
                kl=float(positions.mean()),
                of_samples=tuple(positions.mean(axis=1).tolist()),
            )
        )
    return found[0], found[1]


def versions() -> str:
    where = "cpu in float32" if device.on_cpu() else "gpu"
    return f"mlx {version('mlx')}, mlx-lm {version('mlx-lm')} on {where}"


if __name__ == "__main__":
    serve(tune, TuneRequest)
