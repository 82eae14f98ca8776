"""Which folders may go, and in which order. Pure.

What a run works with stays. What is on no Hub stays: a quant goes only once the Hub holds it, verified.
A base can always be fetched again, so it may go, but not while a plan waits for it; where a run ended badly
and may be retried, it goes last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from bot.records import Record

Kind = Literal["copy", "quant", "base"]
"""copy: a quant downloaded back to be tried out.  quant: a finished (or begun) model folder.  base: fetched
from upstream."""


class Holding(Record, frozen=True, kw_only=True):
    """A folder of BOT_HOME's work. `used_at` (Unix seconds): when something in it was written last.

    `at_work`: a run that is not over uses it. `on_hub`: the Hub holds it, verified. `wanted`: a plan waits
    for it. `retry`: a run that used it ended badly and may be tried again.
    """

    path: str
    kind: Kind
    base: str
    sha: str
    size_bytes: int
    used_at: float
    at_work: bool = False
    on_hub: bool = False
    wanted: bool = False
    retry: bool = False


def may_go(holding: Holding) -> bool:
    """Whether nobody loses anything with it."""
    if holding.at_work:
        return False
    if holding.kind == "quant":
        return holding.on_hub
    return holding.kind == "copy" or not holding.wanted


def to_free(holdings: Iterable[Holding], need: int | None = None) -> tuple[Holding, ...]:
    """What goes so that `need` bytes become free (None: all that may go), the least recently used first.

    Copies and quants before bases, which cost a download; bases that a retry would use last. It may come to
    less than `need`: then there is no more that may go.
    """
    order = {"copy": 0, "quant": 1, "base": 2}
    ready = sorted(
        filter(may_go, holdings),
        key=lambda h: (h.retry and h.kind == "base", order[h.kind], h.used_at, h.path),
    )
    if need is None:
        return tuple(h for h in ready if not (h.retry and h.kind == "base"))
    chosen: list[Holding] = []
    for holding in ready:
        if sum(h.size_bytes for h in chosen) >= need:
            break
        chosen.append(holding)
    return tuple(chosen)
