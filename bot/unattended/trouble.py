"""What is wrong for as long as it is: told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bot.journal.database import Journal
from bot.journal.timeline import tell
from bot.records import Record


class News(Record, frozen=True, kw_only=True):
    """What is new since the former look: troubles that began (cause -> sentence), causes that are over."""

    began: dict[str, str] = msgspec.field(default_factory=dict)
    over: tuple[str, ...] = ()


def news(before: Mapping[str, str], now: Mapping[str, str]) -> News:
    """Compare two looks. A cause whose sentence reads otherwise today is the same trouble still."""
    return News(
        began={cause: text for cause, text in now.items() if cause not in before},
        over=tuple(sorted(set(before) - set(now))),
    )


class Troubles:
    """The troubles of one process. `about(area, now)`: what is wrong in that area now, by cause."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, dict[str, str]] = {}

    def about(self, area: str, now: Mapping[str, str]) -> News:
        """Take what is wrong in `area` now, and tell what is new. Raises HostError."""
        found = news(self._known.get(area, {}), now)
        self._known[area] = dict(now)
        for cause, text in found.began.items():
            tell(self._journal, "trouble", cause, text)
        for cause in found.over:
            tell(self._journal, "trouble", cause, f"{cause}: that is over", {"over": True})
        return found
