"""Opening the journal: the same database as DBOS's, SQLite or Postgres, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import HostError
from bot.journal import tables
from bot.settings import Settings

BUSY = 30.0
"""Seconds that a writer waits for another on SQLite, which lets one write at a time."""


MAKING_TABLES = 7261
"""The number of a Postgres lock, any that nobody else uses."""


class Journal:
    """The open journal. Thread-safe; `close` lets its connections go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with. Raises HostError when the database is out of reach."""
        with told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by an error. Raises HostError."""
        with told(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def open_journal(settings: Settings) -> Journal:
    """The journal of this Hub's database; its tables are made where they are missing.

    Raises HostError when the database cannot be opened, or was written by a newer bot.
    """
    if not settings.database_url:
        Path(settings.state).mkdir(parents=True, exist_ok=True)
    with told():
        engine = sqlalchemy.create_engine(settings.database, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _patient)
        _prepare(engine)
    return Journal(engine)


@contextmanager
def journal(settings: Settings) -> Iterator[Journal]:
    """`open_journal` for the length of a block."""
    opened = open_journal(settings)
    try:
        yield opened
    finally:
        opened.close()


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # several that start together make the tables once
            connection.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({MAKING_TABLES})"))
        tables.metadata.create_all(connection)
        found = connection.scalar(sqlalchemy.select(sqlalchemy.func.max(tables.version.c.version)))
        if found is None:
            connection.execute(tables.version.insert().values(version=tables.VERSION))
    if found is not None and found > tables.VERSION:
        raise HostError(
            f"the database was written by a newer bot (journal {found}, this one knows {tables.VERSION}): "
            "upgrade this bot"
        )


def _patient(connection: object, _: ConnectionPoolEntry) -> None:
    """Readers do not wait for a writer (WAL), and writers wait for each other."""
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has one
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY * 1000)}")
    cursor.close()


@contextmanager
def told() -> Iterator[None]:
    """SQLAlchemy's errors as one sentence, without the URL: it may hold a password."""
    try:
        yield
    except SQLAlchemyError as error:
        raise HostError(
            f"the database cannot be used ({type(error).__name__}): check BOT_DATABASE_URL or the disk of "
            "BOT_HOME, `bot doctor` says more"
        ) from error
