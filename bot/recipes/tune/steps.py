"""In which order blocks are measured, and how much of the model each one's passes compute. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.recipes.tune import Block


class Step(NamedTuple):
    """One block to measure: the number it has in file order, and the layer from which on is computed.

    `begin` is the path of the layer whose output is taken as given, None: all is computed; `share` of the
    layers is computed then.
    """

    number: int
    block: Block
    begin: str | None
    share: float


def steps(blocks: Sequence[Block], called: Sequence[str]) -> tuple[Step, ...]:
    """What is outside the layers first, then layer by layer as the model calls them.

    `called` are paths of layers in that order. Where one is called twice, what one gives depends on later
    ones too: then all is computed each time.
    """
    places = {path: place for place, path in enumerate(called)} if len(set(called)) == len(called) else {}
    found = []
    for number, block in enumerate(blocks):
        place = places.get(block.runs_in or "", 0)
        begin = called[place - 1] if place else None
        found.append(Step(number, block, begin, 1 - place / len(called) if place else 1.0))
    return tuple(sorted(found, key=lambda step: -step.share))
