"""One night's housekeeping, whole: the call that the daemon's scheduler makes."""

from __future__ import annotations

import logging
import shutil

from bot import engine
from bot.errors import NotFound
from bot.fleet.commands import told
from bot.housekeeping import files, runs, tables
from bot.housekeeping.rules import Bounds
from bot.journal.database import Journal
from bot.records import Record
from bot.settings import Settings

log = logging.getLogger("bot.housekeeping")


class Freed(Record, frozen=True, kw_only=True):
    """What one night took away. `size`: bytes of files."""

    runs: int = 0
    rows: int = 0
    size: int = 0
    free: int = 0

    def __str__(self) -> str:
        return (
            f"{self.runs} old runs and {self.rows} rows forgotten, {self.size / 1e6:.0f} MB of files freed, "
            f"{self.free / 1e9:.0f} GB of the disk are free"
        )


def keep_house(settings: Settings, journal: Journal, now: float, bounds: Bounds | None = None) -> Freed:
    """Bring everything within its bounds. Killed in the middle, the next night does the rest.

    Raises HostError when the database is out of reach; a file that cannot be removed is left.
    """
    known = bounds or Bounds()
    gone, freed = 0, 0
    try:
        with told(), engine.client(settings) as client:
            forgotten, kept = runs.forget_runs(client, settings, now, known)
        gone = len(forgotten)
        freed += runs.forget_orphans(settings, kept, now, known)
        freed += files.thin_runs(settings, kept, now, known)
    except NotFound:  # nothing ever ran here
        pass
    rows = tables.forget_rows(journal, now, known)
    freed += files.cut_logs(settings, now)
    freed += files.forget_measurements(settings, now, known)
    freed += files.forget_leftovers(settings, now)
    tables.give_back(journal)
    done = Freed(runs=gone, rows=rows, size=freed, free=shutil.disk_usage(settings.home).free)
    log.info("housekeeping: %s", done)
    return done
