"""The notifier over a real journal and real services: told once, never in the way, no secret anywhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import sqlalchemy

from bot.journal.database import Journal, open_journal
from bot.journal.tables import notice
from bot.journal.timeline import since, tell
from bot.notify import outbox
from bot.notify.decide import GIVE_UP, SETTLE
from bot.notify.notifier import Notifier, wanted_of
from bot.notify.settings import Clock, NotifySettings, Wanted
from bot.settings import Settings
from bot.watch.quantities import Zone
from tests.notify.conftest import PASSWORD, Inbox

START = 1_700_000_000.0
NO_DIGEST = NotifySettings(digest=Clock("off"))


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def notifier(
    known: Settings, journal: Journal, watch: Watch, settings: NotifySettings = NO_DIGEST
) -> Notifier:
    made = Notifier(known, journal, lambda: Wanted(notify=settings, account="tester"), watch)
    made.check()  # from now on there are services
    return made


def tick(made: Notifier, watch: Watch, seconds: float = SETTLE) -> None:
    watch.now += seconds
    made.tick()
    assert made.wait(20)


def test_what_happens_is_told_once_also_after_a_restart(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst is one message; nothing of it comes again, from this process or from the next."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    tell(journal, "published", "t/old", "t/old is public", at=START - 10)
    made = notifier(known, journal, watch)
    tell(journal, "published", "t/a", "t/a is public", at=START + 1)
    tell(journal, "waiting", "Qwen/B", "Qwen/B is new", {"plan": "B-123456"}, at=START + 2)
    tell(journal, "started", "t/c", "t/c is made", at=START + 2)  # nobody asked for that
    tick(made, watch, SETTLE + 2)
    tick(made, watch)
    assert inbox.titles == ["qx-bot: 1 published, 1 waits for your yes"]
    assert "  bot approve B-123456" in inbox.told[0]["message"]
    made.stop()

    with_restart = open_journal(known)
    again = notifier(known, with_restart, watch)
    tick(again, watch, 300)
    assert len(inbox.told) == 1
    tell(with_restart, "failed", "t/d", "t/d: the disk is full", at=watch.now)
    tick(again, watch)
    assert inbox.titles[1:] == ["qx-bot: failed: t/d"]
    with_restart.close()


def test_a_service_that_fails_is_tried_again_and_hears_it_all(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """500 for an hour: few tries, further and further apart, one line in the log; then one message of all."""
    caplog.set_level(logging.INFO, "bot")
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    made = notifier(known, journal, watch)
    inbox.answers = "500"
    tell(journal, "published", "t/a", "t/a is public", at=START + 1)
    for _ in range(180):
        tick(made, watch, 20)
    assert 4 <= inbox.asked <= 8
    tell(journal, "failed", "t/b", "t/b: no", at=watch.now)
    inbox.answers = "200"
    tick(made, watch, outbox.LAST_AGAIN)
    assert inbox.titles == ["qx-bot: 1 published, 1 failed"]
    ours = [record.getMessage() for record in caplog.records if record.name == "bot.notify"]
    assert len(ours) == 2
    assert "json-1 did not take a message" in ours[0]
    assert "json-1 takes messages again" in ours[1]
    assert PASSWORD not in caplog.text


def test_a_service_that_is_dead_for_a_day_is_given_up_with_one_line(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Old news is not told when it comes back; what is new is."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    made = notifier(known, journal, watch)
    inbox.answers = "500"
    tell(journal, "published", "t/a", "t/a is public", at=START + 1)
    for _ in range(60):
        tick(made, watch, 1800)
    assert watch.now > START + GIVE_UP
    assert sum("given" in message or "for a day: 1 events" in message for message in caplog.messages) == 1
    inbox.answers = "200"
    tell(journal, "published", "t/b", "t/b is public", at=watch.now)
    tick(made, watch, outbox.LAST_AGAIN)
    assert inbox.titles == ["qx-bot: published: t/b"]


def test_a_service_that_hangs_holds_nobody_up(
    known: Settings, journal: Journal, inbox: Inbox, other: Inbox, watch: Watch,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """It takes the connection and says nothing: the tick returns, the other is told, one thread waits."""
    monkeypatch.setenv("BOT_NOTIFY", f"{inbox.url} {other.url}")
    made = notifier(known, journal, watch)
    inbox.answers = "never"
    for number in range(3):
        tell(journal, "published", f"t/{number}", f"t/{number} is public", at=watch.now)
        watch.now += SETTLE + outbox.PATIENCE
        made.tick()
        assert made._boxes["json-2"].wait(20)
    assert len(other.told) == 3
    assert inbox.asked == 1
    assert sum("json-1 does not answer" in message for message in caplog.messages) == 1
    inbox.answers = "200"
    inbox.released.set()
    assert made.wait(20)
    tick(made, watch, outbox.LAST_AGAIN)
    assert inbox.titles == ["qx-bot: 3 published"]


def test_each_service_hears_its_own_kinds(
    known: Settings,
    journal: Journal,
    inbox: Inbox,
    other: Inbox,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The phone rings for trouble alone; the chat has it all but trouble is not asked for twice."""
    monkeypatch.setenv("BOT_NOTIFY", f"trouble,failed={inbox.url} {other.url}")
    made = notifier(known, journal, watch)
    tell(journal, "published", "t/a", "t/a is public", at=START + 1)
    tick(made, watch, SETTLE + 1)
    tell(journal, "trouble", "hub", "the Hub is down", at=watch.now)
    tick(made, watch, SETTLE + 1)
    assert inbox.titles == ["qx-bot: trouble: hub"]
    assert other.titles == ["qx-bot: published: t/a", "qx-bot: trouble: hub"]


def test_the_digest_comes_once_a_day_by_the_timeline(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its time, once, also when the bot was off then; it stands in the timeline like all else."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    at_nine = NotifySettings(digest=Clock("09:00"), timezone=Zone("UTC"), kinds=("digest",))
    watch.now = 19_000 * 86_400.0 + 8 * 3600
    made = notifier(known, journal, watch, at_nine)
    tell(journal, "found", "Qwen/New", "Qwen/New is a new base", at=watch.now)
    tick(made, watch, 1800)
    assert not inbox.told
    for _ in range(4):
        tick(made, watch, 1801)
    assert inbox.titles == ["qx-bot: nothing was made"]
    assert inbox.told[0]["message"].splitlines() == ["New: Qwen/New", "Downloads: the Hub did not say"]
    tick(made, watch, 47 * 3600)
    assert len(inbox.told) == 2
    assert [event.subject for event in since(journal, kinds=("digest",))] == ["2022-01-10", "2022-01-08"]


def test_no_secret_reaches_the_database(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal knows a service by its name; notices are few, and forgotten."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    made = notifier(known, journal, watch)
    for number in range(30):
        tell(journal, "published", f"t/{number}", f"t/{number} is public", at=watch.now)
        tick(made, watch, 400)
    with journal.reading() as connection:
        keys = list(connection.scalars(sqlalchemy.select(notice.c.key)))
    assert all(key.startswith(("first:json-1", "event:json-1:", "text:json-1:")) for key in keys)
    assert PASSWORD.encode() not in (known.state / "bot.sqlite").read_bytes()
    assert len(inbox.told) >= 20


def test_a_mistake_in_the_watchlist_is_logged_once_and_ends_nothing(
    known: Settings, journal: Journal, inbox: Inbox, watch: Watch, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, tmp_path: Path,
) -> None:  # fmt: skip
    """An edit that went wrong in the middle of the night: one line, and mended it goes on."""
    monkeypatch.setenv("BOT_NOTIFY", inbox.url)
    path = tmp_path / "watchlist.yaml"
    path.write_text("recipes: [qx64-hi]\nrepos: [{repo: Qwen/A}]\n")
    made = Notifier(known, journal, lambda: wanted_of(path), watch)
    made.tick()
    path.write_text("recipes: [nothing-like-it]\nrepos: [{repo: Qwen/A}]\n")
    for _ in range(3):
        made.tick()
    assert len(caplog.messages) == 1
    assert "watchlist.yaml:1" in caplog.messages[0]


def test_a_file_that_others_can_read_is_warned_of(
    known: Settings, journal: Journal, inbox: Inbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, with the command that mends it, and without a word of what is in it."""
    path = tmp_path / "services"
    path.write_text(inbox.url)
    wanted = Wanted(notify=NotifySettings(services_file="services"), folder=tmp_path)
    for mode, warned in ((0o644, 1), (0o600, 0)):
        path.chmod(mode)
        caplog.clear()
        assert len(Notifier(known, journal, lambda: wanted).check()) == 1
        assert sum("`chmod 600`" in message for message in caplog.messages) == warned
        assert PASSWORD not in caplog.text
