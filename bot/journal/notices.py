"""Which service was told what (`qx_notice`): kept for some days, so that a restart tells nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bot.journal.database import Journal
from bot.journal.tables import notice

KEPT = 5 * 86_400.0
"""Seconds that what was told is remembered; after GIVE_UP and REPEAT (`bot.notify.decide`) nothing asks."""

FIRST = "first:"
"""Before a service's name: when it was one for the first time. Kept as long as there is a database."""

_AT_ONCE = 500


def noted(journal: Journal, prefix: str) -> dict[str, float]:
    """The notices whose key begins so, without that beginning, and when each was made. Raises HostError."""
    asked = notice.select().where(notice.c.key.startswith(prefix, autoescape=True))
    with journal.reading() as connection:
        return {row.key[len(prefix) :]: row.at for row in connection.execute(asked)}


def note(journal: Journal, keys: Iterable[str], at: float) -> None:
    """Write down, all or none, that this was told at this time (Unix seconds). Raises HostError."""
    rows = [{"key": key[:200], "at": at} for key in dict.fromkeys(keys)]
    if not rows:
        return
    with journal.writing() as connection:
        for some in _portions(rows):
            connection.execute(notice.delete().where(notice.c.key.in_([row["key"] for row in some])))
            connection.execute(notice.insert(), some)


def forget(journal: Journal, now: float) -> int:
    """Take out what is older than KEPT; how many rows that were. Raises HostError."""
    old = notice.delete().where(notice.c.at < now - KEPT, notice.c.key.not_like(f"{FIRST}%"))
    with journal.writing() as connection:
        return int(connection.execute(old).rowcount or 0)


def _portions(rows: Sequence[dict[str, object]]) -> Iterator[Sequence[dict[str, object]]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
