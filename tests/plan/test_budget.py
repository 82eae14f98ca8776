"""What fits now: quiet hours whatever the clock does, hours of the day, disk, memory, Hub storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.plan.budget import Room, Storage, fits, local, startable
from bot.plan.clock import day_start, quiet_from, quiet_until
from bot.plan.priority import PATIENCE
from bot.plan.proposal import Estimate
from bot.watch.budget import Budget
from bot.watch.quantities import DAYS, HoursADay, QuietHours, Size, Zone
from tests.plan.proposals import GB, proposal

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Budget(quiet=(QuietHours.parse("22:00-08:00"),))
HOUR = 3600.0

times = st.builds(
    lambda h, m, h2, m2: f"{h:02}:{m:02}-{h2:02}:{m2:02}",
    st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59),
).filter(lambda text: text[:5] != text[6:])  # fmt: skip
windows = st.builds(
    lambda days, text: f"{days}{text}",
    st.sampled_from(["", *(f"{day} " for day in DAYS), "mon-fri ", "sat-mon "]),
    times,
).map(QuietHours.parse)
zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]
).map(ZoneInfo)
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
around_changes = st.builds(
    lambda day, minutes: datetime(day[0], day[1], day[2], tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(
        [(2026, 3, 29), (2026, 10, 25), (2026, 3, 8), (2026, 11, 1), (2026, 4, 4), (2026, 10, 3)]
    ),
    st.integers(-600, 1800),
)


def says_quiet(window: QuietHours, wall: datetime) -> bool:
    """What a person reads off the wall clock: between the two times, on a day it starts or into the next."""
    at, start = wall.hour * 60 + wall.minute, window.starts
    end = start + window.minutes_long
    today, yesterday = wall.weekday(), (wall.weekday() - 1) % 7
    return (today in window.days and start <= at < end) or (
        yesterday in window.days and start <= at + 24 * 60 < end
    )


@given(st.lists(windows, min_size=1, max_size=3), zones, instants | around_changes)
def test_it_is_quiet_when_the_wall_clock_says_so(
    given_windows: list[QuietHours], zone: ZoneInfo, at: datetime
) -> None:
    """Over midnight, over the week's end, and when clocks are set back or forth; the end is the first minute
    that is not quiet any more, and none before it is."""
    try:
        budget = Budget(quiet=tuple(given_windows))
    except ValueError:
        return  # they fill the week
    now = at.astimezone(zone)
    until = quiet_until(budget, now)
    assert (until is not None) == any(says_quiet(w, now) for w in given_windows)
    if until is None:
        begins = quiet_from(budget, now)
        assert begins is not None
        assert begins > at
        assert any(says_quiet(w, begins) for w in given_windows)
        return
    assert until > at
    assert not any(says_quiet(w, until) for w in given_windows)
    for minutes in range(0, int((until - at.replace(second=0, microsecond=0)).total_seconds()) // 60, 7):
        inside = (at.replace(second=0, microsecond=0) + timedelta(minutes=minutes)).astimezone(zone)
        assert any(says_quiet(w, inside) for w in given_windows)


def test_a_night_is_an_hour_longer_or_shorter_when_the_clocks_change() -> None:
    """From 22:00 to 08:00 are nine hours in March, eleven in October, ten else."""
    for day, hours in (((2026, 3, 28), 9), ((2026, 10, 24), 11), ((2026, 6, 1), 10)):
        start = datetime(*day, 22, tzinfo=BERLIN)
        until = quiet_until(NIGHT, start)
        assert until is not None
        assert until.timestamp() - start.timestamp() == hours * HOUR
        assert (until.hour, until.minute) == (8, 0)


def test_the_budgets_zone_is_its_own_or_the_machines() -> None:
    """`timezone:` says on whose wall the clock hangs."""
    now = datetime(2026, 7, 1, 21, tzinfo=UTC)
    assert quiet_until(NIGHT, local(replace(NIGHT, timezone=Zone("Europe/Berlin")), now, ZoneInfo("UTC")))
    assert not quiet_until(NIGHT, local(NIGHT, now, ZoneInfo("UTC")))


@pytest.mark.parametrize(
    "text", ["22:00", "8:00-9:00", "24:00-25:00", "22:00-22:00", "monday 08:00-09:00", ""]
)
def test_what_is_no_hours_is_refused_with_what_is_meant(text: str) -> None:
    """The message shows an example to copy."""
    with pytest.raises(ValueError, match="such as 22:00-08:00"):
        QuietHours.parse(text)


# ------------------------------------------------------------------ one proposal

NOON = datetime(2026, 6, 3, 12, tzinfo=BERLIN)
NEEDS = Estimate(
    seconds=4 * HOUR, disk_bytes=100 * GB, memory_bytes=30 * GB, upload_bytes=40 * GB, private_bytes=20 * GB
)
TEN = HoursADay.parse("10h")


@pytest.mark.parametrize(
    ("budget", "room", "hour", "rule", "why"),
    [
        (Budget(), Room(), 12, None, ""),
        (NIGHT, Room(), 23, "quiet", "nothing starts before 08:00"),
        (NIGHT, Room(), 8, None, ""),
        (NIGHT, Room(), 19, "quiet", "would still run at 22:00"),
        (NIGHT, Room(), 18, None, ""),
        (Budget(hours_a_day=TEN), Room(worked=10 * HOUR), 12, "hours_a_day", "10.0 h are used up"),
        (Budget(hours_a_day=TEN), Room(worked=7 * HOUR), 12, "hours_a_day", "3.0 h are left"),
        (Budget(hours_a_day=TEN), Room(worked=6 * HOUR), 12, None, ""),
        (Budget(hours_a_day=HoursADay.parse("2h")), Room(), 12, None, ""),
        (Budget(disk=Size(90 * GB)), Room(), 12, "disk", "needs 100.0 GB of disk, 0.0 MB of 90.0 GB"),
        (Budget(disk=Size(150 * GB)), Room(disk_used=60 * GB), 12, "disk", "60.0 GB of 150.0 GB are taken"),
        (Budget(), Room(disk_free=105 * GB), 12, "disk", "needs 110.0 GB of disk, 105.0 GB are free"),
        (Budget(), Room(disk_free=110 * GB), 12, None, ""),
        (
            Budget(),
            Room(
                disk_free=130 * GB,
                disk_used=5 * GB,
                running=(proposal(estimate=Estimate(disk_bytes=30 * GB)),),
            ),
            12,
            "disk",
            "needs 110.0 GB of disk, 105.0 GB are free",
        ),
        (Budget(), Room(memory=24 * GB), 12, "memory", "the largest worker has 24.0 GB"),
        (Budget(), Room(closed={"me": "its storage is full"}), 12, "account", "its storage is full"),
        (Budget(), Room(closed={"you": "its storage is full"}), 12, None, ""),
        (
            Budget(private_storage=Size(100 * GB)),
            Room(storage={"me": Storage(private=81 * GB)}),
            12,
            "private_storage",
            "needs 20.0 GB of private storage at me, 81.0 GB of 100.0 GB are taken",
        ),
        (
            Budget(public_storage=Size(100 * GB)),
            Room(storage={"me": Storage(public=61 * GB)}),
            12,
            "public_storage",
            "needs 40.0 GB of public storage at me",
        ),
        (Budget(public_storage=Size(100 * GB)), Room(storage={"me": Storage(public=60 * GB)}), 12, None, ""),
    ],
)
def test_what_does_not_fit_says_which_rule_and_how_much(
    budget: Budget, room: Room, hour: int, rule: str | None, why: str
) -> None:
    """The first rule that holds it is named, with the figures."""
    now = NOON.replace(hour=hour)
    found = fits(proposal(created_at=now.timestamp(), estimate=NEEDS), budget, room, now)
    assert (found.rule if found else None) == rule
    assert why in (found.why if found else "")


def test_the_line_of_the_budget_is_named_and_when_it_may_start() -> None:
    """`quiet, watchlist.yaml:9`, until eight o'clock."""
    found = fits(proposal(), NIGHT, Room(), NOON.replace(hour=23), {"budget/quiet": "watchlist.yaml:9"})
    assert found is not None
    assert found.rule == "quiet, watchlist.yaml:9"
    assert found.until == NOON.replace(day=4, hour=8).timestamp()


def test_what_is_longer_than_every_gap_starts_when_it_may() -> None:
    """A run of twenty hours never fits between 08:00 and 22:00, and starts all the same, at an open hour."""
    long = proposal(estimate=replace(NEEDS, seconds=20 * HOUR), created_at=NOON.timestamp())
    assert fits(long, NIGHT, Room(), NOON) is None
    assert fits(long, NIGHT, Room(), NOON.replace(hour=23)) is not None


def test_a_desks_wishes_end_where_a_plan_is_overdue_but_quiet_is_quiet() -> None:
    """After PATIENCE it may run into the evening; it starts in no quiet hour even then."""
    late = proposal(estimate=NEEDS, created_at=NOON.timestamp() - PATIENCE - 12 * HOUR)
    assert fits(late, NIGHT, Room(), NOON.replace(hour=20)) is None
    assert fits(late, NIGHT, Room(), NOON.replace(hour=23)) is not None
    budget = Budget(hours_a_day=TEN)
    assert fits(late, budget, Room(worked=9 * HOUR), NOON) is None
    assert fits(late, budget, Room(worked=10 * HOUR), NOON) is not None


def test_a_patch_goes_at_any_hour() -> None:
    """It takes seconds and no GPU."""
    budget = replace(NIGHT, hours_a_day=TEN)
    assert fits(proposal(action="patch"), budget, Room(worked=24 * HOUR), NOON.replace(hour=23)) is None


# ------------------------------------------------------------------ several


def names(decided: list[tuple[object, object]]) -> list[str]:
    return [p.repo for p, v in decided if v.outcome == "start"]  # type: ignore[attr-defined]


@given(
    st.lists(st.integers(0, 60), max_size=8),
    st.integers(0, 100),
    st.none() | st.integers(0, 200),
    st.none() | st.integers(0, 4),
)
def test_what_starts_together_fits_together(
    sizes: list[int], limit: int, free: int | None, slots: int | None
) -> None:
    """Each that starts takes its share first: never more disk than the budget or the disk has, never more
    runs than slots; and nothing that fits alone beside them is left out for nothing."""
    ordered = [proposal(f"a/b{n}", estimate=Estimate(disk_bytes=s * GB)) for n, s in enumerate(sizes)]
    room = Room(disk_free=None if free is None else free * GB, slots=slots)
    budget = Budget(disk=Size(limit * GB))
    now = datetime.fromtimestamp(0, UTC)
    decided = startable(ordered, budget, room, now)
    begun = [p for p, v in decided if v.outcome == "start"]
    total = sum(p.estimate.disk_bytes for p in begun)
    assert [p for p, _ in decided] == ordered
    assert total <= limit * GB
    assert free is None or total <= free * GB
    assert slots is None or len(begun) <= slots
    if slots is None or len(begun) < slots:
        after = replace(room, running=tuple(begun))
        assert not any(fits(p, budget, after, now) is None for p in ordered if p not in begun)


def test_room_is_made_for_what_is_overdue() -> None:
    """Small plans that would take its place again and again wait behind a large one that is overdue; one that
    could never run holds nobody."""
    now = NOON
    small = proposal("a/small", created_at=now.timestamp(), estimate=Estimate(disk_bytes=10 * GB))
    at_work = proposal("a/at-work", estimate=Estimate(disk_bytes=50 * GB))
    budget, room = Budget(disk=Size(100 * GB)), Room(running=(at_work,))
    for size, starts in ((90, []), (120, ["a/small"])):
        large = proposal("a/large", created_at=0, estimate=Estimate(disk_bytes=size * GB))
        assert names(startable([large, small], budget, room, now)) == starts  # type: ignore[arg-type]
    young = proposal("a/large", created_at=now.timestamp(), estimate=Estimate(disk_bytes=90 * GB))
    assert names(startable([young, small], budget, room, now)) == ["a/small"]  # type: ignore[arg-type]


def test_a_day_begins_at_local_midnight() -> None:
    """Also where the day has 23 or 25 hours."""
    for day in ((2026, 3, 29), (2026, 10, 25)):
        start = day_start(datetime(*day, 15, 30, tzinfo=BERLIN))
        assert (start.hour, start.day) == (0, day[2])
        assert start.tzinfo is BERLIN
