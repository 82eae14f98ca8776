"""The budget's clock: quiet hours and days as the wall shows them, whatever the clock does. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from bot.watch.budget import Budget, quiet_minutes
from bot.watch.quantities import QuietHours

_WEEK = timedelta(days=7, hours=3)
"""A week and what a clock may be set back or forth in it."""
_MINUTE = timedelta(minutes=1)


def quiet_until(budget: Budget, now: datetime) -> datetime | None:
    """When the quiet hours end in which `now` falls, or None outside of them.

    `now` in the budget's zone. It is quiet when the wall clock says so: an hour that the clock shows twice
    is quiet twice, one that it leaves out does not come.
    """
    quiet = quiet_minutes(budget.quiet)[_minute_of_week(now)]
    return _next(budget, now, quiet=False) if quiet else None


def quiet_from(budget: Budget, now: datetime) -> datetime | None:
    """When the next quiet hours begin (`now` inside of some: now); None where the watchlist names none."""
    return _next(budget, now, quiet=True) if budget.quiet else None


def day_start(now: datetime) -> datetime:
    """The first instant of the local day of `now`."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _next(budget: Budget, now: datetime, *, quiet: bool) -> datetime | None:
    zone = now.tzinfo
    assert zone is not None, "the budget's clock has a zone"
    found = _walked(budget.quiet, now.astimezone(UTC), zone, quiet)
    return found.astimezone(zone) if found is not None else None


@lru_cache(maxsize=64)
def _walked(windows: tuple[QuietHours, ...], instant: datetime, zone: tzinfo, quiet: bool) -> datetime | None:
    """The first instant (UTC) from `instant` on at which it is (or is not) quiet: a week minute by minute.

    Walking instants and reading the wall clock at each is right whatever the clock does on the way.
    """
    week = quiet_minutes(windows)
    end = instant + _WEEK
    while instant < end:
        if bool(week[_minute_of_week(instant.astimezone(zone))]) == quiet:
            return instant
        instant = instant.replace(second=0, microsecond=0) + _MINUTE
    return None


def _minute_of_week(wall: datetime) -> int:
    return (wall.weekday() * 24 + wall.hour) * 60 + wall.minute
