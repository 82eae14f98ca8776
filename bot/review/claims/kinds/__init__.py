"""The kinds of claims, one file each. `find(work)` yields the claims of its kind in one clause.

The order matters: a kind takes the words it has judged, and the more exact ones come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.review.claims.claim import Claim, Work
from bot.review.claims.kinds import (
    awards,
    counts,
    differences,
    extremes,
    makeup,
    only,
    perfect,
    records,
    relations,
    shares,
    values,
    win_rates,
)

Kind = Callable[[Work], Iterable[Claim]]
ALL: tuple[Kind, ...] = (
    makeup.find,  # bits, groups, parameters: "full precision on data paths" names no model
    awards.find,  # A and B go to X
    records.find,  # a record of 6-1
    only.find,  # the only losses are A and B
    win_rates.find,  # a win rate of 71 %
    counts.find,  # 6/7 wins; before numbers, whose 6 and 7 they would be
    perfect.find,  # flawless
    extremes.find,  # "the largest gain is on PIQA (+1.4 %)" leaves its number to the next
    shares.find,  # half the size, 98 % of the mean; before differences, which would be percent too
    differences.find,  # +0.006, 2.1 points, 1.4-2.5 %
    values.find,  # 0.649, 12.869, 8.3G
    relations.find,  # the words that are left: beats, lower, near-identical
)
