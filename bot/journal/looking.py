"""Looking at what is remembered, without leaving anything behind where nothing ever was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy
from sqlalchemy.pool import StaticPool

from bot.journal import tables
from bot.journal.database import Journal, journal
from bot.settings import Settings


@contextlib.contextmanager
def looking(settings: Settings) -> Iterator[Journal]:
    """The journal, or an empty one in memory where there is none yet. Raises HostError."""
    if settings.database_url or (settings.state / "bot.sqlite").exists():
        with journal(settings) as opened:
            yield opened
        return
    empty = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    tables.metadata.create_all(empty)
    opened = Journal(empty)
    try:
        yield opened
    finally:
        opened.close()
