"""The timeline: what happened, a line each; read by the page, `bot history`, notifications and the digest."""

from __future__ import annotations

import time
from typing import Any, Literal

import sqlalchemy

from bot.journal.database import Journal
from bot.journal.tables import event
from bot.records import Record

KEPT = 50_000
"""Events that are kept; older ones are forgotten."""

EventKind = Literal[
    "found",  # a new or changed base
    "waiting",  # a plan wants a person's yes
    "decided",  # approved or refused
    "started",
    "published",
    "failed",
    "stopped",  # by the gate
    "patched",  # tokenizer files or cards brought up to date
    "frozen",  # license or gating changed
    "gone",  # renamed, deleted, made private
    "repair",  # the nightly re-read proposes something
    "recalled",
    "trouble",  # the bot's own: Hub down, token revoked, disk full
    "digest",
]


class Happened(Record, frozen=True, kw_only=True):
    """One event. `at`: Unix seconds; `subject`: the repo, plan or run it is about; `text`: one sentence."""

    id: int = 0
    at: float
    kind: EventKind
    subject: str
    text: str
    data: dict[str, Any] | None = None


def tell(
    journal: Journal,
    kind: EventKind,
    subject: str,
    text: str,
    data: dict[str, Any] | None = None,
    *,
    at: float | None = None,
) -> Happened:
    """Write one event down (and forget the oldest beyond KEPT). Raises HostError."""
    when = time.time() if at is None else at
    row = {"at": when, "kind": kind, "subject": subject[:400], "text": text, "data": data}
    with journal.writing() as connection:
        made = connection.execute(event.insert().values(**row)).inserted_primary_key
        number = int(made[0]) if made else 0
        if number % 1000 == 0:
            connection.execute(event.delete().where(event.c.id <= number - KEPT))
    return Happened(id=number, at=when, kind=kind, subject=subject[:400], text=text, data=data)


def since(
    journal: Journal,
    *,
    after: int = 0,
    from_: float = 0.0,
    kinds: tuple[EventKind, ...] = (),
    subject: str | None = None,
    limit: int = 500,
) -> list[Happened]:
    """Events after the number `after` and the time `from_`, newest first, at most `limit`."""
    asked = sqlalchemy.select(event).where(event.c.id > after, event.c.at >= from_)
    if kinds:
        asked = asked.where(event.c.kind.in_(kinds))
    if subject is not None:
        asked = asked.where(event.c.subject == subject)
    with journal.reading() as connection:
        rows = connection.execute(asked.order_by(event.c.id.desc()).limit(limit)).mappings().all()
    return [Happened(**dict(row)) for row in rows]
