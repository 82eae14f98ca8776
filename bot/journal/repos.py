"""What is known of the watched repos and their authors' listings, and which deliveries were taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from bot.journal.database import Journal
from bot.journal.tables import delivery, listing, repo
from bot.records import BaseRevision, Record, from_json, to_json
from bot.watch.found import Waiting

AT_ONCE = 500
"""Names in one question; SQLite takes 32,766 values."""
DELIVERIES_KEPT = 10_000
LONGEST_ETAG = 180
"""A longer entity tag is not kept (the column has 200): the next listing is then read unasked."""


class KnownRepo(Record, frozen=True, kw_only=True):
    """A watched repo without its files. `sha`: the commit that was seen last; `taken`: something of it was
    taken up once, `gated` whether it was gated then; `waiting`: what is still to be settled about `sha`."""

    repo: str
    sha: str = ""
    standing: Literal["present", "renamed", "gone"] = "present"
    renamed_to: str | None = None
    waiting: Waiting | None = None
    last_modified: str = ""
    seen_at: float = 0.0
    taken: bool = False
    gated: bool | None = None


class KnownListing(Record, frozen=True, kw_only=True):
    """An author's listing as it was read last; see `bot.journal.tables.listing`. `follows`: a digest of what
    the watchlist followed of the author then; without it, what lay below `newest` was not looked for."""

    author: str
    etag: str = ""
    newest: str = ""
    read_at: float = 0.0
    full_at: float = 0.0
    follows: str = ""


# ---------------------------------------------------------------- repos

_LIGHT = (
    repo.c.repo, repo.c.sha, repo.c.standing, repo.c.renamed_to, repo.c.waiting, repo.c.last_modified,
    repo.c.seen_at, repo.c.revision.isnot(None).label("taken"),
    repo.c.revision["gated"].as_boolean().label("gated"),
)  # fmt: skip


def known_repos(journal: Journal, names: Iterable[str]) -> dict[str, KnownRepo]:
    """What is known of these repos, by name as the Hub spells it."""
    return {row.repo: row for batch in _batches(names) for row in _rows(journal, repo.c.repo.in_(batch))}


def known_named(journal: Journal, names: Iterable[str]) -> dict[str, KnownRepo]:
    """What is known of these repos, by name in lower case: a person may spell it otherwise than the Hub."""
    lower = sqlalchemy.func.lower(repo.c.repo)
    batches = _batches(name.lower() for name in names)
    return {row.repo.lower(): row for batch in batches for row in _rows(journal, lower.in_(batch))}


def known_by_commit(journal: Journal, shas: Iterable[str]) -> dict[str, str]:
    """Which present repo stands at these commits, by commit; a repo takes its commits along to a new name."""
    found: dict[str, str] = {}
    for batch in _batches(shas):
        asked = sqlalchemy.select(repo.c.sha, repo.c.repo).where(
            repo.c.sha.in_(batch), repo.c.standing == "present", repo.c.sha != ""
        )
        with journal.reading() as connection:
            found |= {row.sha: row.repo for row in connection.execute(asked)}
    return found


def unsettled(journal: Journal) -> list[KnownRepo]:
    """The repos about which something is still open."""
    return list(_rows(journal, repo.c.waiting.isnot(None)))


def every_repo(journal: Journal) -> list[KnownRepo]:
    """All that is known, files left out."""
    return list(_rows(journal, sqlalchemy.true()))


def _rows(journal: Journal, where: Any) -> Iterator[KnownRepo]:
    with journal.reading() as connection:
        for row in connection.execute(sqlalchemy.select(*_LIGHT).where(where)).mappings():
            plain = {str(name): value for name, value in row.items()}
            yield from_json(KnownRepo, plain | {"taken": bool(row["taken"])})


def remember(connection: Connection, repos: Sequence[KnownRepo]) -> None:
    """Write down what was seen of these repos; what was taken up of them stays."""
    rows = [
        {
            "repo": one.repo, "sha": one.sha, "standing": one.standing, "renamed_to": one.renamed_to,
            "waiting": to_json(one.waiting) if one.waiting else sqlalchemy.null(),
            "last_modified": one.last_modified, "seen_at": one.seen_at,
        }
        for one in repos
    ]  # fmt: skip
    _upsert(connection, repo, "repo", rows)


def taken(journal: Journal, name: str) -> BaseRevision | None:
    """The revision of a repo that was taken up last; None when none ever was."""
    with journal.reading() as connection:
        stored = connection.scalar(sqlalchemy.select(repo.c.revision).where(repo.c.repo == name))
    return from_json(BaseRevision, stored) if stored else None


def taken_up(journal: Journal, name: str, revision: BaseRevision) -> None:
    """This revision is dealt with: made, planned, refused, or nothing to do. It is not reported again.

    What was seen of the repo meanwhile (a newer commit) stays open. Raises HostError.
    """
    with journal.writing() as connection:
        _take_up(connection, name, revision)


def _take_up(connection: Connection, name: str, revision: BaseRevision) -> None:
    seen = connection.scalar(sqlalchemy.select(repo.c.sha).where(repo.c.repo == name))
    row: dict[str, Any] = {
        "repo": name,
        "revision": to_json(revision),
        "standing": "present",
        "renamed_to": None,
    }
    if seen in (None, "", revision.sha):
        row |= {
            "sha": revision.sha,
            "last_modified": revision.last_modified or "",
            "waiting": sqlalchemy.null(),
        }
    _upsert(connection, repo, "repo", [row])


def taken_as_gone(journal: Journal, name: str) -> None:
    """That the repo is deleted or private is dealt with. Raises HostError."""
    with journal.writing() as connection:
        _upsert(connection, repo, "repo", [{"repo": name, "standing": "gone", "waiting": sqlalchemy.null()}])


def taken_as_renamed(journal: Journal, name: str, now: BaseRevision) -> None:
    """The repo's new name is dealt with: what was taken up under `name` counts for `now.repo`. Raises
    HostError."""
    before = taken(journal, name)
    with journal.writing() as connection:
        row = {"repo": name, "standing": "renamed", "renamed_to": now.repo, "waiting": sqlalchemy.null()}
        _upsert(connection, repo, "repo", [row])
        if before is not None:
            _first_seen(connection, now)
            _take_up(connection, now.repo, msgspec.structs.replace(before, repo=now.repo))


def _first_seen(connection: Connection, now: BaseRevision) -> None:
    """Mark a repo that no sweep wrote down yet: what it is now is to be settled."""
    if connection.scalar(sqlalchemy.select(repo.c.repo).where(repo.c.repo == now.repo)) is None:
        reason = "it changed: it is looked at next"
        mark = Waiting(repo=now.repo, sha=now.sha, kind="other", reason=reason)
        made = KnownRepo(repo=now.repo, sha=now.sha, last_modified=now.last_modified or "", waiting=mark)
        remember(connection, [made])


# ---------------------------------------------------------------- listings


def known_listings(journal: Journal) -> dict[str, KnownListing]:
    """Every author's listing as it was read last."""
    with journal.reading() as connection:
        rows = connection.execute(sqlalchemy.select(listing)).mappings().all()
    found = {}
    for row in rows:
        follows, _, etag = row["etag"].partition(" ")
        found[row["author"]] = KnownListing(**{**row, "etag": etag, "follows": follows})
    return found


def remember_listing(connection: Connection, one: KnownListing) -> None:
    """Write down how far an author's listing was read."""
    etag = one.etag if len(one.etag) <= LONGEST_ETAG else ""
    # An entity tag is good for as long as the same is followed, so both stand in one column.
    row = {
        "author": one.author, "etag": f"{one.follows} {etag}", "newest": one.newest, "read_at": one.read_at,
        "full_at": one.full_at,
    }  # fmt: skip
    _upsert(connection, listing, "author", [row])


def listings_unchanged(journal: Journal, authors: Sequence[str], at: float) -> None:
    """These authors' listings were asked for and said what they had said."""
    with journal.writing() as connection:
        for batch in _batches(authors):
            connection.execute(listing.update().where(listing.c.author.in_(batch)).values(read_at=at))


# ---------------------------------------------------------------- deliveries


def take_delivery(journal: Journal, digest: str, at: float) -> bool:
    """Whether a delivery with this digest is taken now; False when it was before. Forgets the oldest."""
    with journal.writing() as connection:
        made = _insert(connection, delivery).values(digest=digest, at=at).on_conflict_do_nothing()
        is_new = connection.scalar(made.returning(delivery.c.digest)) is not None
        if is_new:
            oldest = (
                sqlalchemy.select(delivery.c.at)
                .order_by(delivery.c.at.desc())
                .offset(DELIVERIES_KEPT)
                .limit(1)
            )
            connection.execute(delivery.delete().where(delivery.c.at <= oldest.scalar_subquery()))
    return is_new


def forget_delivery(journal: Journal, digest: str) -> None:
    """It came to nothing: when it comes once more it is taken again."""
    with journal.writing() as connection:
        connection.execute(delivery.delete().where(delivery.c.digest == digest))


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    listed = list(values)
    return (listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE))


def _insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which SQLAlchemy has for each dialect by itself."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _upsert(connection: Connection, table: Table, key: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        made = _insert(connection, table).values(**row)
        changed = {name: made.excluded[name] for name in row if name != key}
        connection.execute(made.on_conflict_do_update(index_elements=[key], set_=changed))
