"""The journal's tables: what nobody asks for any more. The timeline bounds itself when it is told."""

from __future__ import annotations

import sqlalchemy

from bot.housekeeping.rules import DAY, Bounds
from bot.journal import notices
from bot.journal.database import Journal
from bot.journal.tables import delivery, plan, worker

SETTLED = ("refused", "superseded", "over")


def forget_rows(journal: Journal, now: float, bounds: Bounds) -> int:
    """Take old rows out; how many. The newest plan of each repo stays: it says what a person answered.

    Raises HostError when the database is out of reach.
    """
    gone = notices.forget(journal, now)
    newest = sqlalchemy.select(sqlalchemy.func.max(plan.c.created_at).label("at"), plan.c.repo)
    newest_of = newest.group_by(plan.c.repo).subquery()
    newer = (
        sqlalchemy.select(newest_of.c.repo)
        .where(newest_of.c.repo == plan.c.repo, newest_of.c.at > plan.c.created_at)
        .exists()
    )
    old_plans = plan.delete().where(
        plan.c.state.in_(SETTLED), plan.c.created_at < now - bounds.plan_days * DAY, newer
    )
    old_workers = worker.delete().where(worker.c.beat_at < now - bounds.worker_days * DAY)
    old_deliveries = delivery.delete().where(delivery.c.at < now - bounds.delivery_days * DAY)
    with journal.writing() as connection:
        for statement in (old_plans, old_workers, old_deliveries):
            gone += int(connection.execute(statement).rowcount or 0)
    return gone


def give_back(journal: Journal) -> None:
    """SQLite: fold the write-ahead log into the database, so that its file does not stay as long as it once
    was. Raises HostError."""
    with journal.reading() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("PRAGMA optimize")
