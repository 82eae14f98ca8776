"""What the watchlist's `budget:` may say: how much of disk, day and Hub the bot may take."""

from __future__ import annotations

from functools import lru_cache

from bot.records import Record
from bot.watch.quantities import HoursADay, QuietHours, Size, Zone


class Budget(Record, frozen=True, kw_only=True):
    """How much the bot may take; what is not given is not limited.

    `disk`: the most that BOT_HOME may hold of bases and quants in the making. `hours_a_day`: how long this
    machine works from midnight to midnight. `quiet`: local hours in which nothing starts. `private_storage`,
    `public_storage`: what the account may hold on the Hub. `timezone`: None is the machine's own.
    """

    disk: Size | None = None
    hours_a_day: HoursADay | None = None
    quiet: tuple[QuietHours, ...] = ()
    timezone: Zone | None = None
    private_storage: Size | None = None
    public_storage: Size | None = None

    def __post_init__(self) -> None:
        if all(quiet_minutes(self.quiet)):
            raise ValueError("these quiet hours fill the whole week, so that nothing could ever start")


@lru_cache(maxsize=16)
def quiet_minutes(windows: tuple[QuietHours, ...]) -> bytes:
    """For each minute of a week (Monday 00:00 first, local wall clock) 1 where it is quiet, else 0."""
    week = bytearray(7 * 24 * 60)
    for window in windows:
        for day in window.days:
            start = day * 24 * 60 + window.starts
            for minute in range(start, start + window.minutes_long):
                week[minute % len(week)] = 1
    return bytes(week)
