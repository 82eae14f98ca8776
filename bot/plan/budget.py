"""Whether a proposal fits now: quiet hours, hours of the day, disk, memory, Hub storage. Pure.

Hard rules hold always: nothing starts in quiet hours, once the day's hours are used up, or where disk,
memory or storage would not hold it. Soft rules keep a desk free (a run that would still be at work when the
quiet hours begin, or that needs more than is left of the day's hours); they hold until the proposal is
`overdue`, so that a long run starts one day all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from bot.plan.clock import day_start, quiet_from, quiet_until
from bot.plan.priority import overdue
from bot.plan.proposal import Proposal
from bot.plan.rules import Verdict, gb
from bot.records import Record
from bot.watch.budget import Budget

DISK_SPARE = 1.1
"""Free disk is to hold a tenth more than predicted, as `bot publish` asks too."""

Hold = Literal["quiet", "hours_a_day", "disk", "memory", "private_storage", "public_storage", "account"]


class Storage(Record, frozen=True, kw_only=True):
    """What an account holds on the Hub, in bytes."""

    private: int = 0
    public: int = 0


class Room(Record, frozen=True, kw_only=True):
    """What there is to start with, looked up at the edge (`bot.plan.room`). None: not known, not a limit.

    `disk_used`: bytes of bases and quants in BOT_HOME; `disk_free`: bytes free on its disk; `worked`: seconds
    that this machine worked since local midnight; `memory`: bytes of the largest worker; `storage` by
    account; `closed`: accounts that take nothing now, and why; `running`: what was started and is not over;
    `slots`: how many may start now (None: as many as fit).
    """

    disk_used: int = 0
    disk_free: int | None = None
    worked: float = 0.0
    memory: int | None = None
    storage: Mapping[str, Storage] = msgspec.field(default_factory=dict)
    closed: Mapping[str, str] = msgspec.field(default_factory=dict)
    running: tuple[Proposal, ...] = ()
    slots: int | None = None


def local(budget: Budget, now: datetime, machine: tzinfo) -> datetime:
    """`now` (aware) on the wall clock that the budget means."""
    return now.astimezone(ZoneInfo(budget.timezone) if budget.timezone else machine)


# ------------------------------------------------------------------ one proposal


def fits(
    proposal: Proposal,
    budget: Budget,
    room: Room,
    now: datetime,
    lines: Mapping[str, str] | None = None,
) -> Verdict | None:
    """Why the proposal cannot start at `now` (in the budget's zone), or None when it can.

    `lines`: where the budget's settings stand (`LocatedWatchlist.lines`).
    """
    found = (
        _account(proposal, room)
        or _hours(proposal, budget, room, now)
        or _disk(proposal, budget, room)
        or _memory(proposal, room)
        or _storage(proposal, budget, room)
    )
    if found is None:
        return None
    where = (lines or {}).get(f"budget/{found.rule}")
    return msgspec.structs.replace(found, rule=f"{found.rule}, {where}") if where else found


def _later(rule: Hold, why: str, until: datetime | None = None) -> Verdict:
    return Verdict(outcome="later", rule=rule, why=why, until=until.timestamp() if until else None)


def _account(proposal: Proposal, room: Room) -> Verdict | None:
    reason = room.closed.get(proposal.account)
    return _later("account", reason) if reason else None


def _hours(proposal: Proposal, budget: Budget, room: Room, now: datetime) -> Verdict | None:
    """The clock's rules. Only what keeps the machine at work is held by them: a patch takes seconds."""
    if proposal.plan is None:
        return None
    until = quiet_until(budget, now)
    if until is not None:
        return _later("quiet", f"nothing starts before {until:%H:%M}", until)
    tomorrow = day_start(day_start(now) + timedelta(days=1, hours=1))
    if budget.hours_a_day is not None and room.worked >= budget.hours_a_day:
        why = f"today's {_hours_of(budget.hours_a_day)} are used up"
        return _later("hours_a_day", why, tomorrow)
    if overdue(proposal, now.timestamp()) or proposal.estimate.seconds is None:
        return None
    return _desk(proposal.estimate.seconds, budget, room, now, tomorrow)


def _desk(seconds: float, budget: Budget, room: Room, now: datetime, tomorrow: datetime) -> Verdict | None:
    """The soft rules of a machine that somebody else uses too."""
    if budget.hours_a_day is not None and room.worked > 0 and room.worked + seconds > budget.hours_a_day:
        left = _hours_of(budget.hours_a_day - room.worked)
        why = f"it is expected to take {_hours_of(seconds)}, and {left} are left of today's"
        return _later("hours_a_day", why, tomorrow)
    begins = quiet_from(budget, now)
    if begins is None or now.timestamp() + seconds <= begins.timestamp():
        return None
    opens = quiet_until(budget, begins)
    closes = quiet_from(budget, opens) if opens else None
    if opens is None or closes is None or opens.timestamp() + seconds > closes.timestamp():
        return None  # it does not fit between two quiet hours at all: it starts when it may
    why = f"it would still run at {begins:%H:%M}, when the quiet hours begin"
    return _later("quiet", why, opens)


def _disk(proposal: Proposal, budget: Budget, room: Room) -> Verdict | None:
    need = proposal.estimate.disk_bytes
    if lacking(proposal, budget, room) == 0:
        return None
    taken = _taken_disk(room)
    if budget.disk is not None and taken + need > budget.disk:
        return _later("disk", f"it needs {gb(need)} of disk, {gb(taken)} of {gb(budget.disk)} are taken")
    free = max(0, _free_disk(room) or 0)
    return _later("disk", f"it needs {gb(int(need * DISK_SPARE))} of disk, {gb(free)} are free")


def lacking(proposal: Proposal, budget: Budget, room: Room) -> int:
    """Bytes of disk that would have to go for the proposal to fit; 0 where it does."""
    need = proposal.estimate.disk_bytes
    if not need:
        return 0
    over = 0 if budget.disk is None else _taken_disk(room) + need - budget.disk
    free = _free_disk(room)
    short = 0 if free is None else int(need * DISK_SPARE) - free
    return max(0, over, short)


def _taken_disk(room: Room) -> int:
    """What lies there, or what the running plans will have written, whichever is more."""
    return max(room.disk_used, sum(other.estimate.disk_bytes for other in room.running))


def _free_disk(room: Room) -> int | None:
    """Free bytes without those that the running plans have still to write."""
    return None if room.disk_free is None else room.disk_free - (_taken_disk(room) - room.disk_used)


def _memory(proposal: Proposal, room: Room) -> Verdict | None:
    need = max(proposal.need.memory_bytes, proposal.estimate.memory_bytes)
    if room.memory is None or need <= room.memory:
        return None
    return _later("memory", f"it needs {gb(need)} of memory, the largest worker has {gb(room.memory)}")


def _storage(proposal: Proposal, budget: Budget, room: Room) -> Verdict | None:
    held = room.storage.get(proposal.account)
    if held is None:
        return None
    mine = [other for other in room.running if other.account == proposal.account]
    private = held.private + sum(other.estimate.private_bytes for other in mine)
    public = held.public + sum(other.estimate.upload_bytes for other in mine)
    rows: tuple[tuple[Hold, int | None, int, int], ...] = (
        ("private_storage", budget.private_storage, private, proposal.estimate.private_bytes),
        ("public_storage", budget.public_storage, public, proposal.estimate.upload_bytes),
    )
    for rule, limit, taken, need in rows:
        if limit is not None and need and taken + need > limit:
            words = f"{rule.replace('_', ' ')} at {proposal.account}"
            return _later(rule, f"it needs {gb(need)} of {words}, {gb(taken)} of {gb(limit)} are taken")
    return None


# ------------------------------------------------------------------ all of them


def startable(
    ordered: Sequence[Proposal],
    budget: Budget,
    room: Room,
    now: datetime,
    lines: Mapping[str, str] | None = None,
) -> list[tuple[Proposal, Verdict]]:
    """What becomes of each now, in the order given: `start`, or `later` and why.

    Each that starts takes its share before the next is asked. Behind one that is overdue and waits for what
    others hold, nothing starts that would hold it too.
    """
    decided: list[tuple[Proposal, Verdict]] = []
    held: Proposal | None = None
    for proposal in ordered:
        found = fits(proposal, budget, room, now, lines)
        if found is None and room.slots == 0:
            found = Verdict(outcome="later", rule="turn", why="it is started when another is done")
        if found is None and held is not None:
            found = Verdict(outcome="later", rule="turn", why=f"room is being made for {held.id}")
        if found is None:
            decided.append((proposal, Verdict(outcome="start", rule="budget", why="it fits")))
            room = _taken(room, proposal)
            continue
        if held is None and _waits_for_others(proposal, budget, room, now):
            held = proposal
        decided.append((proposal, found))
    return decided


def _taken(room: Room, proposal: Proposal) -> Room:
    return msgspec.structs.replace(
        room,
        running=(*room.running, proposal),
        slots=None if room.slots is None else room.slots - 1,
    )


def _waits_for_others(proposal: Proposal, budget: Budget, room: Room, now: datetime) -> bool:
    """Whether it is overdue, and only what runs now keeps it from starting."""
    if not overdue(proposal, now.timestamp()) or not room.running:
        return False
    back = min(room.disk_used, sum(other.estimate.disk_bytes for other in room.running))
    alone = msgspec.structs.replace(
        room,
        running=(),
        disk_used=room.disk_used - back,
        disk_free=None if room.disk_free is None else room.disk_free + back,
    )
    return fits(proposal, budget, alone, now) is None


def _hours_of(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 360 else f"{seconds / 60:.0f} min"
