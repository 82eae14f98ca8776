"""What the journal's tables say, as the page shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy
from msgspec.structs import replace
from sqlalchemy import Text, func

from bot.journal.tables import event, listing, published, repo, worker
from bot.web.reading import Reader
from bot.web.views import AuthorView, EventView, Pulse, RepoView, WatchView, WorkerView

REPOS, AUTHORS, WAITING = 8, 60, 30
"""How many of each the first page shows."""


def read_watch(reader: Reader, pulse: Pulse) -> WatchView:
    """What is watched. Where the daemon does not know of a sweep yet, the journal's last look stands."""
    count = sqlalchemy.select(
        func.count().label("all"),
        func.sum(sqlalchemy.case((repo.c.standing != "present", 1), else_=0)).label("gone"),
        func.max(repo.c.seen_at).label("seen"),
    )
    numbers = reader.rows(count.select_from(repo))[0]
    authors = reader.rows(sqlalchemy.select(listing).order_by(listing.c.author).limit(AUTHORS))
    looked = max([numbers["seen"] or 0.0, *(row["read_at"] for row in authors)])
    if pulse.last_sweep is None and looked:
        pulse = replace(pulse, last_sweep=looked)
    return WatchView(
        pulse=pulse,
        repos=numbers["all"],
        gone=numbers["gone"] or 0,
        waiting=read_repos(reader, waiting=True, limit=WAITING),
        recent=read_repos(reader, limit=REPOS),
        authors=tuple(
            AuthorView(author=row["author"], read_at=row["read_at"], full_at=row["full_at"])
            for row in authors
        ),
    )


def read_repos(
    reader: Reader, *, waiting: bool = False, text: str = "", limit: int, offset: int = 0
) -> tuple[RepoView, ...]:
    """Watched repos: those that wait by name, all others the last changed first; `text` is in the name."""
    asked = sqlalchemy.select(
        repo.c.repo, repo.c.sha, repo.c.standing, repo.c.renamed_to, repo.c.waiting,
        repo.c.last_modified, repo.c.seen_at,
    )  # fmt: skip
    if waiting:
        # JSON's null, which is no NULL, and is written alike by both databases
        asked = asked.where(repo.c.waiting.is_not(None), sqlalchemy.cast(repo.c.waiting, Text) != "null")
    if text:
        asked = asked.where(func.lower(repo.c.repo).contains(text.lower(), autoescape=True))
    order = (repo.c.repo,) if waiting else (repo.c.last_modified.desc(), repo.c.repo)
    return tuple(_repo(row) for row in reader.rows(asked.order_by(*order).limit(limit).offset(offset)))


def _repo(row: Mapping[str, Any]) -> RepoView:
    waits = row["waiting"] if isinstance(row["waiting"], dict) else {}
    return RepoView(
        repo=row["repo"],
        sha=row["sha"],
        standing=row["standing"],
        seen_at=row["seen_at"],
        last_modified=row["last_modified"],
        renamed_to=row["renamed_to"],
        waits=waits.get("reason"),
        until=waits.get("until"),
    )


def read_events(
    reader: Reader, *, before: int | None = None, kind: str = "", limit: int
) -> tuple[EventView, ...]:
    """The timeline, the newest first: what came before the event of that number, of one kind or all."""
    asked = sqlalchemy.select(event).order_by(event.c.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(event.c.id < before)
    if kind:
        asked = asked.where(event.c.kind == kind)
    return tuple(
        EventView(
            id=row["id"],
            at=row["at"],
            kind=row["kind"],
            subject=row["subject"],
            text=row["text"],
            link=_link(row["subject"], row["data"]),
        )
        for row in reader.rows(asked)
    )


def _link(subject: str, data: Any) -> str:
    """The page of the run that an event is about, where it names one."""
    run = data.get("run") if isinstance(data, dict) else None
    if not isinstance(run, str):
        run = subject if ":" in subject and "@" in subject else ""
    return f"/run?id={quote(run, safe='')}" if run else ""


def read_workers(reader: Reader) -> tuple[WorkerView, ...]:
    """The machines that said they live, by name."""
    rows = reader.rows(sqlalchemy.select(worker).order_by(worker.c.host, worker.c.executor).limit(100))
    return tuple(
        WorkerView(
            executor=row["executor"],
            host=row["host"],
            tags=tuple(row["tags"] or ()),
            memory=int(row["memory_bytes"]),
            beat_at=row["beat_at"],
        )
        for row in rows
    )


def out_since(reader: Reader, repos: Collection[str]) -> dict[str, float]:
    """When each of these was last published, decided about, or found public on the Hub."""
    if not repos:
        return {}
    told = sqlalchemy.select(event.c.subject, func.max(event.c.at).label("at")).group_by(event.c.subject)
    told = told.where(event.c.kind.in_(("published", "decided")), event.c.subject.in_(repos))
    seen = sqlalchemy.select(published.c.repo, published.c.read_at).where(published.c.repo.in_(repos))
    found = {row["subject"]: row["at"] for row in reader.rows(told)}
    for row in reader.rows(seen.where(published.c.private == 0, published.c.origin == "made")):
        found[row["repo"]] = max(found.get(row["repo"], 0.0), row["read_at"])
    return found
