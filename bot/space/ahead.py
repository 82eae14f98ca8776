"""Making room for the plan that comes next."""

from __future__ import annotations

from datetime import datetime

from dbos import DBOSClient

from bot.journal.database import Journal
from bot.plan import decisions
from bot.plan.budget import Room, lacking
from bot.settings import Settings
from bot.space.folders import holdings, needs, remove
from bot.space.rules import Holding, to_free
from bot.watch.budget import Budget


def free_for_next(
    settings: Settings,
    journal: Journal,
    client: DBOSClient | None,
    budget: Budget,
    room: Room,
    now: datetime,
) -> tuple[Holding, ...]:
    """Free what the first approved plan that waits for disk lacks, and say what went.

    Nothing goes where no plan waits for disk, or where all that may go would not be enough. `room` and `now`
    as `decisions.due` takes them; look at the room again when anything went. Raises HostError.
    """
    waiting = (
        proposal
        for proposal, found in decisions.outlook(journal, now, budget, room)
        if found.outcome == "later" and found.rule == "disk"
    )
    first = next(waiting, None)
    if first is None:
        return ()
    need = lacking(first, budget, decisions.with_running(journal, room))
    gone = to_free(holdings(settings, needs(journal, client)), need)
    if sum(holding.size_bytes for holding in gone) < need:
        return ()
    remove(settings, gone)
    return gone
