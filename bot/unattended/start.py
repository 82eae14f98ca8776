"""Approved proposals that fit now become runs."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from dbos import DBOSClient

from bot import runs
from bot.errors import BotError
from bot.fleet import locks, refused
from bot.journal import plans, workers
from bot.patch import start as patching
from bot.plan import decisions
from bot.plan import room as rooms
from bot.plan.budget import Room, local
from bot.plan.proposal import Proposal
from bot.plan.room import machine_zone
from bot.records import Record
from bot.space.ahead import free_for_next
from bot.unattended.desk import Desk
from bot.watch.budget import Budget
from bot.watch.watchlist import LocatedWatchlist, Watchlist


class Started(Record, frozen=True, kw_only=True):
    """A proposal that was put into the queue, or the sentence that says why it could not be."""

    proposal: str
    repo: str
    run: str | None = None
    error: str | None = None


def start_due(desk: Desk, watchlist: Watchlist, now: datetime) -> tuple[Started, ...]:
    """Put into the queue what is approved and fits now, as many as workers are free. `now` is aware.

    Raises HostError when the database is out of reach.
    """
    approved = plans.listed(desk.journal, ("approved",))
    if desk.client is None or not approved:
        return ()
    memories = _workers(desk)
    slots = max(1, len(memories)) - len(plans.listed(desk.journal, ("started",)))
    if slots <= 0:  # for as long as a run takes, neither disk nor Hub has to be asked
        return ()
    budget = watchlist.budget
    at = local(budget, now, machine_zone())
    accounts = {kept.proposal.account for kept in approved}
    look = partial(_room, desk, desk.client, budget, at, accounts, max(memories, default=None), slots)
    there = look()
    if free_for_next(desk.settings, desk.journal, desk.client, budget, there, at):
        there = look()
    lines = watchlist.lines if isinstance(watchlist, LocatedWatchlist) else None
    due = decisions.due(desk.journal, at, budget, there, lines=lines)
    return tuple(_started(desk, desk.client, proposal) for proposal in due)


def _room(
    desk: Desk,
    client: DBOSClient,
    budget: Budget,
    at: datetime,
    accounts: set[str],
    memory: int | None,
    slots: int,
) -> Room:
    return rooms.look(
        desk.settings,
        client,
        budget,
        at,
        storage=rooms.storages(desk.door, budget, accounts),
        closed=refused.accounts(client, {name for name in accounts if name}),
        memory=memory,
        slots=slots,
    )


def _workers(desk: Desk) -> list[int]:
    """The memory of each executor that lives now, in bytes."""
    known, _ = workers.listed(desk.journal)
    held = locks.open_locks(desk.settings)
    try:
        alive = held.held({one.executor for one in known})
    finally:
        held.close()
    return [one.memory_bytes for one in known if one.executor in alive]


def _started(desk: Desk, client: DBOSClient, proposal: Proposal) -> Started:
    """A proposal whose run cannot be begun waits for the next look; the others go on."""
    told = Started(proposal=proposal.id, repo=proposal.repo)
    try:
        if proposal.plan is not None:
            run, _ = runs.start(client, proposal.plan, proposal.need, proposal.interest)
        elif proposal.patch is not None:
            run, _ = patching.start(client, proposal.patch)
        else:
            decisions.over(desk.journal, proposal.id, ok=True, text="nothing was left to do")
            return told
        decisions.started(desk.journal, proposal.id, run)
    except BotError as error:
        return Started(proposal=proposal.id, repo=proposal.repo, error=str(error))
    return Started(proposal=proposal.id, repo=proposal.repo, run=run)
