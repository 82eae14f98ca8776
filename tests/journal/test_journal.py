"""The journal: what is written down is there for the next process, whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy

from bot.errors import HostError
from bot.journal import tables
from bot.journal.database import journal
from bot.journal.timeline import since, tell
from bot.settings import Settings


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_an_event_outlives_the_process_that_wrote_it(known: Settings) -> None:
    """What one opening wrote the next one reads, newest first, by kind and by subject."""
    with journal(known) as first:
        tell(first, "found", "Qwen/Qwen3-8B", "is new", at=10.0)
        tell(first, "failed", "run-1", "the disk is full", {"free": 3}, at=20.0)
    with journal(known) as again:
        assert [e.text for e in since(again)] == ["the disk is full", "is new"]
        assert [e.subject for e in since(again, kinds=("found",))] == ["Qwen/Qwen3-8B"]
        assert since(again, subject="run-1")[0].data == {"free": 3}
        assert since(again, from_=15.0)[0].kind == "failed"
        assert len(since(again, from_=15.0)) == 1


def test_many_writers_at_once_lose_nothing(known: Settings) -> None:
    """Threads of several openings write at the same time; every event is there once."""

    def write(number: int) -> None:
        with journal(known) as mine:
            for step in range(5):
                tell(mine, "started", f"{number}", f"{number}.{step}")

    with journal(known), ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with journal(known) as after:
        texts = [event.text for event in since(after)]
    assert sorted(texts) == sorted(f"{n}.{s}" for n in range(8) for s in range(5))


def test_a_transaction_that_fails_leaves_nothing(known: Settings) -> None:
    """An error in the middle of a block takes back what the block wrote."""
    with journal(known) as mine:

        def fails() -> None:
            with mine.writing() as connection:
                connection.execute(tables.notice.insert().values(key="a", at=1.0))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fails()
        with mine.reading() as connection:
            assert connection.execute(sqlalchemy.select(tables.notice)).all() == []


def test_an_older_bot_does_not_touch_a_newer_journal(known: Settings) -> None:
    """A database that a newer bot wrote is refused with a sentence, not misread."""
    with journal(known) as mine, mine.writing() as connection:
        connection.execute(tables.version.update().values(version=tables.VERSION + 1))
    with pytest.raises(HostError, match="upgrade this bot"), journal(known):
        pass


def test_a_database_out_of_reach_is_one_sentence_without_its_password(tmp_path: Path) -> None:
    """No part of the URL is in the message."""
    far = Settings(home=tmp_path, database_url="postgresql+psycopg://bot:hunter2@127.0.0.1:1/x")
    with pytest.raises(HostError) as raised, journal(far):
        pass
    assert "hunter2" not in str(raised.value)
    assert "bot doctor" in str(raised.value)
