"""`/healthz`: whether the daemon does its work, for whoever restarts it. Tells nothing private."""

from __future__ import annotations

import shutil

import sqlalchemy

from bot.errors import HostError
from bot.journal.database import Journal
from bot.journal.tables import version
from bot.records import Record
from bot.settings import Settings
from bot.web.views import Pulse

ENOUGH_DISK = 2 * 2**30
"""Bytes: with less free, logs and database are in danger."""

OVERDUE = 2.0
GRACE = 600.0
"""A sweep is overdue after `every` times OVERDUE, and these seconds: a large one takes its time."""


class Seen(Record, frozen=True, kw_only=True):
    """What was found: `database` and `free_bytes` are looked at now, `pulse` is the daemon's own word."""

    pulse: Pulse
    database: bool
    free_bytes: int


class Health(Record, frozen=True, kw_only=True):
    """What `/healthz` answers. `sweep_age` in seconds; None before the first sweep."""

    ok: bool
    sweep: bool
    sweep_age: float | None
    every: float
    scheduler: bool
    database: bool
    disk: bool


def health(seen: Seen, now: float) -> Health:
    """Well when everything is: the last sweep not overdue, scheduler and database there, disk left."""
    pulse = seen.pulse
    last = pulse.last_sweep
    age = now - last if last is not None else None
    limit = OVERDUE * pulse.every + GRACE
    sweep = now - max(last or 0.0, pulse.started) <= limit
    disk = seen.free_bytes >= ENOUGH_DISK
    return Health(
        ok=sweep and pulse.scheduler_alive and seen.database and disk,
        sweep=sweep,
        sweep_age=round(age, 1) if age is not None else None,
        every=pulse.every,
        scheduler=pulse.scheduler_alive,
        database=seen.database,
        disk=disk,
    )


def database_answers(journal: Journal) -> bool:
    """Whether the database can be read now."""
    try:
        with journal.reading() as connection:
            return connection.scalar(sqlalchemy.select(version.c.version)) is not None
    except HostError:
        return False


def free_bytes(settings: Settings) -> int:
    """What is left on the disk of BOT_HOME."""
    return shutil.disk_usage(settings.home).free
