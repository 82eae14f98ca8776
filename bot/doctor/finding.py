"""What a check gives, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from bot.errors import BY_NAME, BotError
from bot.records import Record
from bot.settings import Settings
from bot.watch.watchlist import Watchlist, load_watchlist

if TYPE_CHECKING:
    from bot.huggingface import HubDoor, Identity


class Finding(Record, frozen=True, kw_only=True):
    """What one check found. `kind` names the error class of a failure, and so the exit code."""

    check: str
    status: Literal["ok", "warn", "fail"]
    what: str
    way_out: str = ""
    kind: str = "BotError"

    @property
    def exit_code(self) -> int:
        """0 unless it failed."""
        return BY_NAME[self.kind].exit_code if self.status == "fail" else 0


class Place:
    """What the checks look at: the settings, and what several of them ask for, asked once."""

    def __init__(self, known: Settings) -> None:
        self.settings = known

    @cached_property
    def door(self) -> HubDoor:
        from bot.huggingface import HubDoor  # heavy, and `bot --help` imports this module

        return HubDoor(self.settings)

    @cached_property
    def identity(self) -> Identity:
        return self.door.whoami()

    @cached_property
    def watchlist(self) -> Watchlist:
        return load_watchlist(self.settings.watchlist)


Check = Callable[[Place], Finding]


def ok(what: str) -> Finding:
    return Finding(check="", status="ok", what=what)


def warn(what: str, way_out: str) -> Finding:
    return Finding(check="", status="warn", what=what, way_out=way_out)


def fail(kind: type[BotError], what: str, way_out: str) -> Finding:
    return Finding(check="", status="fail", what=what, way_out=way_out, kind=kind.__name__)
