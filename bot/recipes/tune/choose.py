"""Which width for which block: the least sum of losses that a number of bytes buys. Pure.

A multiple-choice knapsack, solved exactly by scipy's mixed-integer solver (HiGHS); a base of 200 blocks takes
well under a second. Losses of single blocks are added up as if they were independent: how far that holds
for the recipe as a whole is measured afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from bot.records import Record

RARE = 0.02
"""The share of positions, those where most is lost, that choosing leaves out: see `typical`."""

GAP = 1e-6
"""The most by which the sum of losses may be above the least possible: this share of it, and of the largest
loss (the solver's own tolerance)."""

NODES = 100_000
"""Branches after which the solver's best choice is taken; a limit in seconds would not be repeatable."""


class Option(Record, frozen=True, kw_only=True):
    """One width of one block: what it costs and what it loses."""

    bits: int
    bytes: int
    loss: float


def typical(kl: npt.NDArray[np.float64]) -> float:
    """The mean over positions without the RARE ones where most is lost; not finite where any is not.

    At a few positions a small change sends a token to another expert, and much is lost at once. How often
    that happens grows with the root of all noise together, so that it says little about which block to
    spare, and a few such positions outweigh thousands of others. On two rehearsal bases with experts, six
    samples of 2048 positions each chose almost the same widths this way (held-out KL 0.0069 and 0.0118),
    and by the mean of all positions widely different ones (0.0067 to 0.0105 and 0.0113 to 0.0126).
    """
    counted = np.sort(kl, axis=None)
    most = counted[: max(1, int(counted.size * (1 - RARE)))]
    return float(most.mean()) if np.isfinite(counted).all() else math.inf


def options(costs: Mapping[int, int], losses: Mapping[int, float]) -> tuple[Option, ...]:
    """A block's widths, ascending, those left out that cost more than another and lose no less.

    A width is held to lose at least what any wider one loses: if it was measured to lose less, that was luck.
    """
    found: list[Option] = []
    worst = 0.0
    for bits in sorted(losses, reverse=True):
        worst = max(worst, losses[bits])
        while found and found[-1].loss >= worst:
            found.pop()
        found.append(Option(bits=bits, bytes=costs[bits], loss=worst))
    return tuple(reversed(found))


def choose(blocks: Sequence[Sequence[Option]], budget: int) -> tuple[Option, ...]:
    """One option of each block: together at most `budget` bytes, and of all such choices the least loss.

    Raises ValueError when even the cheapest options cost more.
    """
    cheapest = tuple(min(held, key=lambda option: option.bytes) for held in blocks)
    room = budget - sum(option.bytes for option in cheapest)
    if room < 0:
        raise ValueError(f"the cheapest options take {-room} bytes more than there are")
    allowed = room
    while allowed > 0:
        chosen = _solved(blocks, cheapest, allowed)
        over = sum(option.bytes for option in chosen) - budget
        if over <= 0:
            return chosen
        allowed = min(allowed - over, allowed - 1)  # the solver keeps to a bound up to its tolerance only
    return cheapest


def _solved(blocks: Sequence[Sequence[Option]], cheapest: Sequence[Option], room: int) -> tuple[Option, ...]:
    """The solver's choice where at most `room` bytes are spent above the cheapest options."""
    flat = [(number, option) for number, held in enumerate(blocks) for option in held]
    extra = np.array([option.bytes - cheapest[number].bytes for number, option in flat], dtype=float)
    loss = np.array([option.loss for _, option in flat])
    rows, columns = [number for number, _ in flat], range(len(flat))
    one_each = csr_array((np.ones(len(flat)), (rows, columns)), shape=(len(blocks), len(flat)))
    answer = milp(
        loss / (loss.max() or 1.0),
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(extra / room, -np.inf, 1)],
        options={"mip_rel_gap": GAP, "node_limit": NODES},
    )
    assert answer.x is not None  # the cheapest options are a choice that is always allowed
    taken = {number: option for (number, option), x in zip(flat, answer.x, strict=True) if x > 0.5}
    return tuple(taken[number] for number in range(len(blocks)))
