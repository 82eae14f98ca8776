"""Bits per layer as a strip, a row for each kind of module: its runs, and what it says in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bot.card.figures import BitsRow, LayerBits
from bot.card.figures.plain import short
from bot.recipes.summary import ranges
from bot.records import Record


class Run(Record, frozen=True, kw_only=True):
    """Layers next to each other that have the same width: `first` to `last`, both included."""

    first: int
    last: int
    bits: float


def runs(row: BitsRow) -> Iterator[Run]:
    """The row's layers, those with nothing in them left out."""
    at = 0
    for bits, alike in itertools.groupby(row.bits):
        count = len(list(alike))
        if bits is not None:
            yield Run(first=at, last=at + count - 1, bits=bits)
        at += count


def widths(shown: LayerBits) -> tuple[float, ...]:
    """All widths that occur, ascending."""
    inside = (bits for row in shown.rows for bits in row.bits if bits is not None)
    return tuple(sorted({*inside, *(cell.bits for cell in shown.outside)}))


def words(shown: LayerBits) -> str:
    """The picture in words: which kinds of modules have how many bits in which layers."""
    said = [_said(row, shown.layers) for row in shown.rows]
    said += [f"{short(cell.name, 30)} {number(cell.bits)}" for cell in shown.outside]
    return f"Bits per weight in each of {shown.layers} layers: {'; '.join(said)}."


def _said(row: BitsRow, layers: int) -> str:
    """`attention 8 in layers 0, 4, … 32, 6 in the others`."""
    at: dict[float, list[int]] = {}
    for layer, bits in enumerate(row.bits):
        if bits is not None:
            at.setdefault(bits, []).append(layer)
    parts = [
        f"{number(bits)} in {_where(here, layers)}"
        for bits, here in sorted(at.items(), key=lambda item: len(item[1]))
    ]
    if len(parts) > 1 and sum(map(len, at.values())) == layers:
        parts[-1] = f"{parts[-1].partition(' ')[0]} in the others"
    return f"{short(row.name, 40)} {', '.join(parts) or 'in no layer'}"


def _where(here: list[int], layers: int) -> str:
    if len(here) == layers:
        return "all layers"
    return f"{'layer' if len(here) == 1 else 'layers'} {ranges(here)}"


def number(bits: float) -> str:
    """`6`, and `6.4` for a mean."""
    return f"{bits:.1f}".removesuffix(".0")


def share(part: float) -> str:
    """A share of 0 to 1 as `12 %`; small ones are not rounded to nothing."""
    percent = 100 * part
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %" if percent >= 0.05 else "< 0.1 %"
