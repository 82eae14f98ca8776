"""The workers of a fleet, as each says of itself; whether one lives is said by its lock alone."""

from __future__ import annotations

import time

import sqlalchemy
from sqlalchemy import ColumnElement, Connection, Float

from bot.fleet.worker import Worker
from bot.journal.database import Journal
from bot.journal.tables import worker
from bot.records import to_json

FORGOTTEN_AFTER = 30 * 86_400.0
"""Seconds after its last beat."""


def beat(journal: Journal, one: Worker) -> None:
    """Write down that it lives, and what it is good for. Raises HostError."""
    with journal.writing() as connection:
        row = {**to_json(one), "beat_at": now(connection)}
        del row["executor"]
        changed = connection.execute(worker.update().where(worker.c.executor == one.executor).values(row))
        if not changed.rowcount:
            connection.execute(worker.insert().values(executor=one.executor, **row))
            connection.execute(worker.delete().where(worker.c.beat_at < now(connection) - FORGOTTEN_AFTER))


def listed(journal: Journal) -> tuple[list[Worker], float]:
    """All that were seen in the last days, and the time by the clock of their beats. Raises HostError."""
    with journal.reading() as connection:
        rows = connection.execute(sqlalchemy.select(worker).order_by(worker.c.executor)).mappings().all()
        sqlite = connection.dialect.name == "sqlite"
        at = time.time() if sqlite else connection.scalar(sqlalchemy.select(_server_clock()))
    found = [
        Worker(
            executor=row["executor"],
            host=row["host"],
            tags=tuple(row["tags"]),
            memory_bytes=int(row["memory_bytes"]),
            beat_at=row["beat_at"],
            facts=row["facts"] or {},
        )
        for row in rows
    ]
    return found, float(at or 0.0)


def now(connection: Connection) -> ColumnElement[float] | float:
    """One clock for all machines: the server's. SQLite has no other machine."""
    return time.time() if connection.dialect.name == "sqlite" else _server_clock()


def _server_clock() -> ColumnElement[float]:
    moment = sqlalchemy.func.clock_timestamp()
    return sqlalchemy.cast(sqlalchemy.extract("epoch", moment), Float)
