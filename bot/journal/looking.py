"""Looking at what is remembered, without leaving anything behind where nothing ever was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy
from dbos import DBOSClient
from sqlalchemy.pool import StaticPool

from bot import engine
from bot.errors import NotFound
from bot.journal import tables
from bot.journal.database import Journal, journal
from bot.settings import Settings

_RUNS = "workflow_status"
_SCHEMA = "dbos"


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


@contextlib.contextmanager
def runs_if_any(settings: Settings) -> Iterator[DBOSClient | None]:
    """A client of DBOS's runs; None where none ever ran, also where only the journal is there yet.

    Raises HostError.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(engine.client(settings))
        except NotFound:
            yield None
            return
        yield found if _has_runs(found) else None


def _has_runs(found: DBOSClient) -> bool:
    seen = sqlalchemy.inspect(found._sys_db.engine)
    schema = None if seen.dialect.name == "sqlite" else _SCHEMA
    return seen.has_table(_RUNS, schema=schema)
