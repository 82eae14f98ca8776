"""Which proposal comes first: the most wanted base, and with time any base.

    score = interest + days waited * A_DAY,  interest from 0 to MOST

So whatever arrives later than `PATIENCE` (MOST / A_DAY days) after a proposal comes behind it, however
wanted it is. A proposal therefore starts after at most those that waited when it came and those that came in
the `PATIENCE` days after it: nothing starves (`tests/plan/test_priority.py` shows it for arbitrary arrivals).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from bot.plan.proposal import Proposal
from bot.records import Record

MOST = 7.0
"""The interest of the most wanted base."""

A_DAY = 1.0
"""What a day of waiting counts."""

PATIENCE = MOST / A_DAY * 86_400
"""Seconds after which a proposal is before everything that came that much later."""

_MANY = 10_000_000
"""Downloads a month that nothing exceeds by much; likes and trend are worth as much as this many."""
_DOWNLOADS_A_LIKE = 300
_DOWNLOADS_A_TREND = 5_000


class Popularity(Record, frozen=True, kw_only=True):
    """What the Hub says of a base: downloads of the last 30 days, likes, its trending score (0 where the Hub
    gives none)."""

    downloads: int = 0
    likes: int = 0
    trending: float = 0.0


def interest(popularity: Popularity) -> float:
    """0 for a base that nobody asked for, MOST for one that everybody does; its logarithm between."""
    wanted = (
        max(0, popularity.downloads)
        + _DOWNLOADS_A_LIKE * max(0, popularity.likes)
        + _DOWNLOADS_A_TREND * max(0.0, popularity.trending)
    )
    return min(MOST, MOST * math.log1p(wanted) / math.log1p(_MANY))


def score(proposal: Proposal, now: float) -> float:
    """Higher first. `now` in Unix seconds; a clock that was set back counts as no wait."""
    return _bounded(proposal.interest) + max(0.0, now - proposal.created_at) / 86_400 * A_DAY


def in_order(proposals: Iterable[Proposal], now: float) -> list[Proposal]:
    """By score, the highest first; of equals the older, then by id, so that the order is the same everywhere.

    Sorted by when each would have come if nobody wanted it, which is the same order and does not move.
    """

    def virtual(proposal: Proposal) -> float:
        return min(proposal.created_at, now) - _bounded(proposal.interest) / A_DAY * 86_400

    return sorted(proposals, key=lambda p: (virtual(p), p.created_at, p.id))


def overdue(proposal: Proposal, now: float) -> bool:
    """Whether it waited so long that nothing which came since then may take its place."""
    return now - proposal.created_at > PATIENCE


def _bounded(value: float) -> float:
    return min(MOST, max(0.0, value)) if math.isfinite(value) else 0.0
