"""The family on size against what was lost: which quant to take, seen at once.

The loss is the mean KL divergence to the base where every quant's is known on the same text: it is what
quantizing did, free of what the text itself costs, and its errors are small. Otherwise it is the perplexity,
which published cards have. Only models that read the same text stand in one picture.

Both axes of size and, where values are far apart, of loss are logarithmic: a base of 31 GiB leaves room for
quants of 4 to 8 GiB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from bot.card.board import Board, Model, Role
from bot.card.figures.plain import named, short
from bot.recipes.mac.memory import FILL, GIB, table
from bot.records import Record
from bot.review.compare import text_read

Measure = Literal["kl", "perplexity"]
MOST = 16
"""Models in one picture: this quant, the base and those next to it in size."""

FAR_APART = 4
"""Largest over smallest value from which on the axis of losses is logarithmic; and how many times further
than all others a single quant must be from the best to stand off a linear one."""

LARGEST = 1e9
"""A loss from which on a model says nothing at all; also what an axis can hold."""

MACS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512)
"""GB of the Macs whose limits are drawn: the common ones, as Apple prints them."""


class Point(Record, frozen=True, kw_only=True):
    """One model. `gib` on disk; `value` None where it is 0 by definition (the base's own KL)."""

    name: str
    role: Role
    gib: float
    value: float | None
    stderr: float | None


class Guide(Record, frozen=True, kw_only=True):
    """The largest weights, in GiB, that a Mac with so many GB of memory should hold."""

    memory: int
    gib: float


class Family(Record, frozen=True, kw_only=True):
    """What the picture shows: the subject first, the others by size. `left_out`: models beyond MOST."""

    subject: str
    measure: Measure
    points: tuple[Point, ...]
    guides: tuple[Guide, ...]
    low: float
    high: float
    left_out: int = 0

    @property
    def log(self) -> bool:
        """Whether the losses are far apart."""
        values = [point.value for point in self.points if point.value is not None]
        return max(values) / min(values) > FAR_APART

    @property
    def off_scale(self) -> tuple[Point, ...]:
        """Siblings so far above all others that these could no longer be told apart."""
        if self.log:
            return ()
        by_loss = sorted((p for p in self.points if p.value is not None), key=lambda p: p.value or 0)
        off: list[Point] = []
        while len(by_loss) > 3 and by_loss[-1].role == "sibling":
            best, (next_, worst) = by_loss[0].value or 0, (p.value or 0 for p in by_loss[-2:])
            if worst - best <= FAR_APART * (next_ - best):
                break
            off.append(by_loss.pop())
        return tuple(off)


def family(board: Board) -> Family | None:
    """What is to be drawn; None without size and loss of this quant and at least one other model."""
    for measure in ("kl", "perplexity"):
        points = _points(board, measure)
        valued = [point for point in points if point.value is not None]
        if points and points[0].role == "subject" and len(valued) > 1:
            low, high, guides = _range(points)
            return Family(
                subject=short(board.subject.label, 40),
                measure=measure,
                points=points[:MOST],
                guides=guides,
                low=low,
                high=high,
                left_out=len(points[MOST:]),
            )
    return None


def _points(board: Board, measure: Measure) -> tuple[Point, ...]:
    """Nothing where a quant's KL is not known: a picture of half the family would mislead."""
    subject = board.subject
    sized = [m for m in board.family if m.size_bytes]
    points = [p for m in sized if _text(m, measure) == _text(subject, measure) and (p := _point(m, measure))]
    if measure == "kl":
        quants = [m for m in sized if m.role != "base"]
        base = [p for m in sized if m.role == "base" if (p := _base_itself(m))]
        points = [*(p for p in points if p.role != "base"), *base] if len(points) >= len(quants) else []
    size = next((p.gib for p in points if p.role == "subject"), 1.0)
    return tuple(
        sorted(points, key=lambda p: (p.role != "subject", p.role != "base", abs(math.log(p.gib / size))))
    )


def _point(model: Model, measure: Measure) -> Point | None:
    value, stderr = model.perplexity, model.perplexity_stderr
    if measure == "kl":
        value, stderr = model.kl, model.kl_stderr
    if value is None or not 0 < value < LARGEST or not model.size_bytes:
        return None
    known = stderr if stderr is not None and 0 <= stderr < LARGEST else None
    return Point(
        name=named(model, 36), role=model.role, gib=model.size_bytes / GIB, value=value, stderr=known
    )


def _base_itself(model: Model) -> Point | None:
    size = (model.size_bytes or 0) / GIB
    return Point(name=named(model, 36), role="base", gib=size, value=None, stderr=None)


def _text(model: Model, measure: Measure) -> tuple[object, ...]:
    """What was read, as far as it is known; the same for all whose numbers were only published."""
    found = model.measurement
    if found is None:
        return ()
    if measure == "kl" and (kl := found.divergence):
        return kl.base, kl.dataset, kl.dataset_sha, kl.tokens
    if read := found.perplexity:
        return text_read(found, read)
    return (model.name,)


def _range(points: tuple[Point, ...]) -> tuple[float, float, tuple[Guide, ...]]:
    """The axis of sizes in GiB, up to the next Mac's limit above the largest quant at least."""
    known = {row.memory: row.bytes for row in table().rows}
    guides = [Guide(memory=m, gib=known[m] * FILL / GIB) for m in MACS if m in known]
    quants = max(point.gib for point in points if point.role != "base")
    above = next((guide.gib for guide in guides if guide.gib > quants), quants)
    low = min(point.gib for point in points) / 1.22
    high = max(*(point.gib for point in points), above) * 1.22
    return low, high, tuple(guide for guide in guides if low < guide.gib < high)


def words(shown: Family) -> str:
    """The picture in words, with every number it plots."""
    said = "KL divergence to the base in nats a token" if shown.measure == "kl" else "perplexity"
    holds = ", ".join(f"{guide.memory} GB {guide.gib:.1f} GiB" for guide in shown.guides)
    macs = f" Largest weights that fit a Mac's memory: {holds}." if holds else ""
    return f"Size on disk against {said}, lower is better: {'; '.join(_said(shown))}.{macs}"


def _said(shown: Family) -> Iterator[str]:
    for point in shown.points:
        this = " (this quant)" if point.role == "subject" else ""
        yield f"{point.name}{this} {point.gib:.1f} GiB, {loss(shown, point)}"
    if shown.left_out:
        yield f"{shown.left_out} more not shown"


def loss(shown: Family, point: Point) -> str:
    """`12.869 ± 0.126`: the plotted value with its standard error."""
    if point.value is None:
        return "0 by definition"
    digits = 4 if shown.measure == "kl" else 3
    error = "" if point.stderr is None else f" ± {point.stderr:.{digits}f}"
    return f"{point.value:.{digits}f}{error}"
