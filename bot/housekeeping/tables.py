"""The journal's tables: what nobody asks for any more. The timeline bounds itself when it is told."""

from __future__ import annotations

from typing import Any

import sqlalchemy

from bot.housekeeping.rules import DAY, Bounds
from bot.journal import notices
from bot.journal.database import Journal
from bot.journal.tables import delivery, plan, worker

MOST = 5000
"""Plans that one night forgets."""

SETTLED = ("superseded", "over")
"""What a person refused is never forgotten: it would be proposed again."""


def forget_rows(journal: Journal, now: float, bounds: Bounds) -> int:
    """Take old rows out; how many. Raises HostError when the database is out of reach."""
    gone = notices.forget(journal, now) + _forget_plans(journal, now - bounds.plan_days * DAY)
    old_workers = worker.delete().where(worker.c.beat_at < now - bounds.worker_days * DAY)
    old_deliveries = delivery.delete().where(delivery.c.at < now - bounds.delivery_days * DAY)
    with journal.writing() as connection:
        for statement in (old_workers, old_deliveries):
            gone += int(connection.execute(statement).rowcount or 0)
    return gone


def _forget_plans(journal: Journal, before: float) -> int:
    """Settled plans made before that time. The newest of each base stays, and each that is about its terms:
    what is frozen stays frozen until somebody says yes."""
    newest = sqlalchemy.select(plan.c.repo, sqlalchemy.func.max(plan.c.created_at).label("at"))
    newest_of = newest.group_by(plan.c.repo).subquery()
    asked = (
        sqlalchemy.select(plan.c.id, plan.c.proposal)
        .join(newest_of, newest_of.c.repo == plan.c.repo)
        .where(plan.c.state.in_(SETTLED), plan.c.created_at < before, plan.c.created_at < newest_of.c.at)
        .limit(MOST)
    )
    with journal.writing() as connection:
        old = [row.id for row in connection.execute(asked) if not _about_terms(row.proposal or {})]
        connection.execute(plan.delete().where(plan.c.id.in_(old)))
    return len(old)


def _about_terms(proposal: dict[str, Any]) -> bool:
    return proposal.get("action") == "freeze" or bool(proposal.get("frozen"))


def give_back(journal: Journal) -> None:
    """SQLite: fold the write-ahead log into the database, so that its file does not stay as long as it once
    was. Raises HostError."""
    with journal.reading() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("PRAGMA optimize")
