"""A look at one repo: what it is now, against what was taken up of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.journal.database import Journal
from bot.journal.repos import KnownRepo, taken, taken_up
from bot.records import BaseRevision, Change, ChangeKind, Record
from bot.watch.changes import classify
from bot.watch.complete import files_of_index, indexes_to_read, missing_shards, missing_weights
from bot.watch.due import ready_at, too_young, unfinished
from bot.watch.found import Waiting
from bot.watch.watchlist import Entry

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

Seen = Callable[[str], BaseRevision | None]
"""The revision of a repo that was taken up last, as somebody else than the journal knows; None when none."""


class Looked(Record, frozen=True, kw_only=True):
    """What a look came to: the row to remember, and a change to report or the reason to wait, or neither.

    `revision` is what the change was read from. `requests` that it took.
    """

    row: KnownRepo
    change: Change | None = None
    waiting: Waiting | None = None
    revision: BaseRevision | None = None
    requests: int = 1


def look(door: HubDoor, journal: Journal, entry: Entry, row: KnownRepo, seen: Seen, now: datetime) -> Looked:
    """The repo of this entry now. Raises NotFound where it is not (`gone` says what that means), and other
    BotErrors."""
    revision = door.base_revision(row.repo, entry.revision)
    if revision.repo.lower() != row.repo.lower():
        return _renamed(entry, row, revision, taken_before(journal, row.repo, seen), now)
    last = taken_before(journal, revision.repo, seen)
    row = replace(
        row, repo=revision.repo, sha=revision.sha, last_modified=revision.last_modified or "",
        standing="present", renamed_to=None, waiting=None, seen_at=now.timestamp(), taken=last is not None,
    )  # fmt: skip
    if last is not None and (last.sha, last.gated) == (revision.sha, revision.gated):
        return Looked(row=row)
    kind = classify(last, revision)
    if reason := too_young(entry, revision.last_modified, now):
        return _waits(row, kind, reason, until=ready_at(entry, revision))
    missing, reads = _missing(door, revision)
    if reason := unfinished(revision, missing):
        return replace(_waits(row, kind, reason), requests=1 + reads)
    return replace(_reports(entry, row, kind, last, now), revision=revision, requests=1 + reads)


def taken_before(journal: Journal, repo: str, seen: Seen) -> BaseRevision | None:
    """The revision of a repo that was taken up last. What only `seen` knew the journal knows from now on, so
    that it is found under the repo's later names too."""
    last = taken(journal, repo)
    if last is None and (last := seen(repo)) is not None:
        taken_up(journal, repo, last)
    return last


def gone(entry: Entry, row: KnownRepo, last: BaseRevision | None, now: datetime) -> Looked:
    """What it means that the Hub has no such repo for us any more: deleted, or made private."""
    return _reports(entry, row, "gone", last, now)


def _renamed(
    entry: Entry, row: KnownRepo, revision: BaseRevision, last: BaseRevision | None, now: datetime
) -> Looked:
    found = _reports(entry, replace(row, sha=row.sha or revision.sha), "renamed", last, now)
    assert found.change is not None, "a report is a change"
    change = replace(found.change, sha=revision.sha, renamed_to=revision.repo)
    return replace(found, change=change, revision=revision)


def _reports(
    entry: Entry, row: KnownRepo, kind: ChangeKind, last: BaseRevision | None, now: datetime
) -> Looked:
    """A change. Until somebody takes it up its row is marked, so that the next sweep reports it again."""
    change = Change(
        repo=row.repo,
        sha=row.sha,
        kind=kind,
        before=last.sha if last else None,
        seen_at=now.isoformat(),
        watch_entry=entry.source,
    )
    reason = "it was reported: what becomes of it is decided next"
    mark = Waiting(repo=row.repo, sha=row.sha, kind=kind, reason=reason)
    return Looked(row=replace(row, waiting=mark, seen_at=now.timestamp()), change=change)


def _waits(row: KnownRepo, kind: ChangeKind, reason: str, until: datetime | None = None) -> Looked:
    waiting = Waiting(
        repo=row.repo,
        sha=row.sha,
        kind=kind,
        reason=reason,
        until=until.astimezone(UTC).isoformat() if until else None,
        ends="look" if until else "commit",
    )
    return Looked(row=replace(row, waiting=waiting), waiting=waiting)


def _missing(door: HubDoor, revision: BaseRevision) -> tuple[int, int]:
    """How many weight files are still to come, and how many indexes had to be read to know."""
    paths = indexes_to_read(revision.files)
    read = {path: files_of_index(door.read(revision.repo, path, revision.sha) or b"") for path in paths}
    told = {path: files for path, files in read.items() if files is not None}
    return (missing_weights(revision.files, told) if told else missing_shards(revision.files)), len(paths)
