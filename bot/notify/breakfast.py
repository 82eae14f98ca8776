"""The digest where it touches the world: made of what is kept, told to the timeline once a day."""

from __future__ import annotations

from typing import Any

from bot.journal.database import Journal
from bot.journal.tables import event
from bot.journal.timeline import Happened, since, tell
from bot.notify import sources
from bot.notify.digest import Digest, Downloads, digest, due_day
from bot.notify.settings import Wanted
from bot.records import Record, from_json, to_json
from bot.settings import Settings

MOST_EVENTS = 2000
FIRST_SPAN, LONGEST_SPAN = 86_400.0, 7 * 86_400.0
"""Seconds that a digest tells of: the first one; and the most that a later one goes back to its former."""


class Reading(Record, frozen=True, kw_only=True):
    """When the Hub last said how often each repo was downloaded (Unix seconds), and what it said. It lies in
    the last digest's event."""

    at: float
    counts: dict[str, int]


def make_digest(
    settings: Settings, journal: Journal, wanted: Wanted, now: float
) -> tuple[Digest, Reading | None]:
    """The digest from the last one until now, and the reading that the next one starts from.

    Raises HostError when the database is out of reach.
    """
    last = _last_digest(journal)
    start = max(last.at, now - LONGEST_SPAN) if last else now - FIRST_SPAN
    before = _reading(last)
    counts = sources.download_counts(settings, wanted.account)
    downloads = None if counts is None else _downloads(counts, before, now)
    made = digest(
        [event for event in since(journal, from_=start, limit=MOST_EVENTS) if event.at <= now],
        sources.made_since(settings, start),
        sources.waiting_plans(journal),
        downloads,
    )
    return made, before if counts is None else Reading(at=now, counts=counts)


def _downloads(counts: dict[str, int], before: Reading | None, now: float) -> Downloads:
    if before is None:
        return Downloads(now=counts)
    return Downloads(now=counts, before=before.counts, seconds=now - before.at)


def tell_digest(
    settings: Settings, journal: Journal, wanted: Wanted, now: float, *, known_since: float
) -> Happened | None:
    """Tell the timeline the digest when it is due (`bot.notify.digest.due_day`). Raises HostError."""
    last = _last_digest(journal)
    day = due_day(wanted.notify, now, last.subject if last else "", known_since)
    if day is None:
        return None
    made, reading = make_digest(settings, journal, wanted, now)
    data: dict[str, Any] = {"lines": list(made.lines), "asks": made.asks}
    if reading is not None:
        data["downloads"] = to_json(reading)
    told = tell(journal, "digest", day.isoformat(), made.headline, data, at=now)
    if last is not None:
        _forget_reading(journal, last)
    return told


def _last_digest(journal: Journal) -> Happened | None:
    return next(iter(since(journal, kinds=("digest",), limit=1)), None)


def _reading(last: Happened | None) -> Reading | None:
    kept = (last.data or {}).get("downloads") if last else None
    return from_json(Reading, kept) if kept else None


def _forget_reading(journal: Journal, former: Happened) -> None:
    """Of former digests the counts of all repos are of no use."""
    kept = {name: value for name, value in (former.data or {}).items() if name != "downloads"}
    with journal.writing() as connection:
        connection.execute(event.update().where(event.c.id == former.id).values(data=kept))
