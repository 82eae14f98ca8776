"""`notify:` of the watchlist: which file names the services, which events are told, when the digest comes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from bot.journal.timeline import EventKind
from bot.records import Record
from bot.watch.quantities import Zone

WANTED: tuple[EventKind, ...] = (
    "found", "waiting", "published", "failed", "stopped", "frozen", "gone", "repair", "trouble", "digest",
)  # fmt: skip
"""What is told unless the watchlist says otherwise."""


class Clock(str):
    """A time of day, 07:30; or off, for never."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Clock:
        if text == "off":
            return cls(text)
        found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
        if not found:
            raise ValueError(f"{text[:60]!r} is no time of day; write 07:30 for instance, or off")
        return cls(f"{int(found[1]):02}:{found[2]}")


class NotifySettings(Record, frozen=True, kw_only=True):
    """`kinds`: the events that are told to a service that does not ask for others. `services_file`: relative
    to the watchlist's folder; one service a line. `timezone`: of `digest` (None: this machine's)."""

    services_file: str | None = None
    kinds: Annotated[tuple[EventKind, ...], msgspec.Meta(min_length=1)] = WANTED
    digest: Clock = Clock("07:30")
    timezone: Zone | None = None


class Wanted(Record, frozen=True, kw_only=True):
    """What the watchlist says of notifications. `folder`: where it lies; `account`: whose repos are ours."""

    notify: NotifySettings = NotifySettings()
    folder: Path = Path()
    account: str | None = None
