"""The breakfast digest: what was made, what is public, what waits and why, how often it was downloaded."""

from __future__ import annotations

import datetime
import zoneinfo
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.journal import plans
from bot.journal.database import Journal
from bot.journal.plans import Kept
from bot.journal.timeline import Happened
from bot.notify.digest import Downloads, Made, Waits, digest, due_day
from bot.notify.settings import Clock, NotifySettings
from bot.notify.sources import download_counts, waiting_plans
from bot.plan.proposal import Proposal
from bot.settings import Settings
from bot.watch.quantities import Zone


def made(name: str, status: str = "published", why: str = "") -> Made:
    return Made(repo=f"tester/{name}", status=status, why=why)  # type: ignore[arg-type]  # a word of the four


def test_the_headline_says_it_all() -> None:
    """Five made, four public, one waits, and why; below the names, and the command that answers."""
    found = digest(
        [],
        [*(made(f"q{n}") for n in range(4)), made("q4", "stopped", "KL 0.31 is over 0.25")],
        [],
        Downloads(now={}),
    )
    assert found.headline == "5 made, 4 public, 1 waits: tester/q4: KL 0.31 is over 0.25"
    assert found.lines[:3] == (
        "Public: tester/q0, tester/q1, tester/q2, tester/q3",
        "Not public: tester/q4: KL 0.31 is over 0.25",
        "  bot approve tester/q4",
    )
    assert found.asks


def test_a_quiet_day_is_told_too() -> None:
    """Nothing made, nothing waits: that the bot lives is worth a line."""
    found = digest(
        [], [], [], Downloads(now={"t/a": 7, "t/b": 5}, before={"t/a": 7, "t/b": 5}, seconds=86_400)
    )
    assert found.headline == "nothing was made"
    assert found.lines == ("Downloads in 24 h: 0 of 2 repos",)
    assert not found.asks


def test_all_that_happened_has_its_line() -> None:
    """Plans that wait, runs that failed, new bases, deleted ones, each trouble once with its number."""
    events = [
        Happened(id=1, at=1.0, kind="found", subject="Qwen/New", text="is new"),
        Happened(id=2, at=2.0, kind="trouble", subject="hub", text="the Hub is down"),
        Happened(id=3, at=3.0, kind="trouble", subject="hub", text="the Hub is down again"),
        Happened(id=4, at=4.0, kind="trouble", subject="hub", text="over", data={"over": True}),
        Happened(id=5, at=5.0, kind="gone", subject="Qwen/Old", text="was deleted"),
    ]
    broken = Made(repo="Qwen/X", status="failed", why="the disk\nis full", run="family:Qwen/X@1+2")
    waits = [Waits(plan=f"P-{n}", repo=f"Qwen/P{n}", why="approval: ask") for n in range(10)]
    found = digest(events, [broken], waits, None)
    assert found.headline == "nothing was made, 1 failed, 10 wait"
    assert "  bot retry family:Qwen/X@1+2" in found.lines
    assert "Failed: Qwen/X: the disk\\nis full" in found.lines
    assert "Waits for your yes: Qwen/P0: approval: ask" in found.lines
    assert "Waits for your yes: 2 more, see `bot status`" in found.lines
    assert "New: Qwen/New" in found.lines
    assert "Gone: Qwen/Old" in found.lines
    assert "Trouble: the Hub is down again (2 times)" in found.lines
    assert found.lines[-1] == "Downloads: the Hub did not say"


COUNTS = st.dictionaries(st.sampled_from(["t/a", "t/b", "t/c", "t/d"]), st.integers(0, 10**9))


@given(COUNTS, COUNTS)
def test_downloads_are_what_came_since(now: dict[str, int], before: dict[str, int]) -> None:
    """Per repo the difference, never below nothing; a new repo counts from nothing; the sum is theirs."""
    line = digest([], [], [], Downloads(now=now, before=before, seconds=3600)).lines[-1]
    expected = sum(max(0, count - before.get(repo, 0)) for repo, count in now.items())
    assert line.startswith(f"Downloads in 1 h: {expected:,} of {len(now)} repos")


def test_the_first_reading_has_nothing_to_compare_with() -> None:
    """It says the whole, and does not call that yesterday's."""
    assert digest([], [], [], Downloads(now={"t/a": 1200})).lines == (
        "Downloads: 1,200 of 1 repos until now",
    )


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
SETTINGS = NotifySettings(digest=Clock("02:30"), timezone=Zone("Europe/Berlin"))


@given(st.integers(0, 370 * 48), st.integers(1, 40))
def test_there_is_one_digest_a_day_whatever_the_clock_does(start: int, step: int) -> None:
    """Asked again and again over days, the changes of summer time among them: one for each day, never before
    its time of day."""
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp() + start * 1800
    now, last, days = begin, "", []
    while now < begin + 4 * 86_400:
        day = due_day(SETTINGS, now, last, begin)
        if day is not None:
            last = day.isoformat()
            days.append(day)
            local = datetime.datetime.fromtimestamp(now, BERLIN)
            assert local.date() == day
            assert local.time() >= datetime.time(2, 30) or local.utcoffset() == datetime.timedelta(hours=1)
        now += step * 300
    assert days == sorted(set(days))
    whole = [datetime.datetime.fromtimestamp(begin, BERLIN).date() + datetime.timedelta(n) for n in (1, 2, 3)]
    assert set(whole) <= set(days)


def test_nobody_gets_a_digest_of_a_time_before_he_asked_for_one() -> None:
    """Switched on at noon: the first one comes tomorrow. Switched off: none."""
    noon = datetime.datetime(2026, 6, 1, 12, tzinfo=BERLIN).timestamp()
    assert due_day(SETTINGS, noon, "", noon) is None
    assert due_day(SETTINGS, noon + 86_400, "", noon) == datetime.date(2026, 6, 2)
    assert due_day(NotifySettings(digest=Clock("off")), noon + 86_400, "", noon) is None


def test_plans_wait_in_the_order_in_which_they_came(journal: Journal) -> None:
    """The oldest first, each with the rule that holds it, or else with its change."""
    for number, rule in enumerate(("", "approval: ask")):
        waits = Proposal(
            id=f"P-{number}",
            action="make",
            repo=f"Qwen/P{number}",
            sha="1",
            kind="new",
            why="is new",
            rule=rule,
        )
        plans.insert(journal, Kept(proposal=waits, state="waiting", created_at=number), lambda _: False)
    assert waiting_plans(journal) == [
        Waits(plan="P-0", repo="Qwen/P0", why="is new"),
        Waits(plan="P-1", repo="Qwen/P1", why="approval: ask"),
    ]


def test_the_counts_come_from_the_hubs_listing(tmp_path: Path) -> None:
    """One listing of the account, by the real client."""
    store = Store(tmp_path / "hub")
    for name, downloads in (("a", 12), ("b", 30)):
        store.create_repo("model", f"tester/{name}")
        store.update_settings("model", f"tester/{name}", downloads=downloads)
    with LoopbackHub.start(tmp_path / "hub") as hub:
        known = Settings(home=tmp_path / "home", endpoint=hub.endpoint)
        assert download_counts(known, "tester") == {"tester/a": 12, "tester/b": 30}
        assert len(hub.requests()) == 1
