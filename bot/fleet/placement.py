"""Placement: which waiting run goes to which free worker. Pure; `dispatch` does what it says.

Runs are served in order (see `_order`); each gets a free worker that fits it, the smallest that will do, and
an earlier one moves to another worker when that lets a later one run too (an augmenting path, as in Kuhn's
algorithm for bipartite matching). So nothing waits while a set of workers could hold it with all before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.card.numbers import size
from bot.fleet.queues import machine_of
from bot.plan.proposal import Need
from bot.records import Record

OVERDUE = 24 * 3600.0
"""Seconds after which a run goes before all that are not overdue, whatever their priority: none starves."""


class Asked(Record, frozen=True, kw_only=True):
    """A run that waits. `since`: Unix seconds; `priority`: higher first."""

    run: str
    need: Need = Need()
    priority: float = 0.0
    since: float = 0.0


class Seat(Record, frozen=True, kw_only=True):
    """A living worker: what it is good for, and whether it has a run."""

    executor: str
    tags: tuple[str, ...] = ()
    memory_bytes: int = 0
    busy: bool = False


class Placed(Record, frozen=True, kw_only=True):
    """This run goes to this executor."""

    run: str
    executor: str


class Unplaced(Record, frozen=True, kw_only=True):
    """Why a run goes on waiting. `nowhere`: no living worker could take it, however long it waits."""

    run: str
    why: str
    nowhere: bool = False


class Placement(Record, frozen=True, kw_only=True):
    """What becomes of all that waits, in the order in which it was served."""

    placed: tuple[Placed, ...] = ()
    waiting: tuple[Unplaced, ...] = ()


def fits(need: Need, seat: Seat) -> bool:
    """Whether the worker has all the tags and the memory."""
    return need.memory_bytes <= seat.memory_bytes and all(tag in seat.tags for tag in need.tags)


def place(asked: Sequence[Asked], seats: Sequence[Seat], now: float) -> Placement:
    """Assign waiting runs to free workers, one each."""
    free = _smallest_first(seats)
    has: dict[str, Asked] = {}
    waiting: list[Unplaced] = []
    for one in sorted(asked, key=lambda a: _order(a, now)):
        if not _seated(one, free, has, set()):
            waiting.append(_unplaced(one, seats))
    placed = [Placed(run=one.run, executor=executor) for executor, one in has.items()]
    return Placement(placed=tuple(placed), waiting=tuple(waiting))


def _order(one: Asked, now: float) -> tuple[int, float, float, str]:
    """What is overdue first, longest waiting first; then by priority, then by age."""
    if now - one.since >= OVERDUE:
        return (0, one.since, 0.0, one.run)
    return (1, -one.priority, one.since, one.run)


def _smallest_first(seats: Iterable[Seat]) -> list[Seat]:
    """Free workers, those on machines that do nothing yet before the others, small before large."""
    at_work = {machine_of(seat.executor) for seat in seats if seat.busy}
    free = [seat for seat in seats if not seat.busy]
    return sorted(
        free,
        key=lambda s: (machine_of(s.executor) in at_work, s.memory_bytes, len(s.tags), s.executor),
    )


def _seated(one: Asked, free: Sequence[Seat], has: dict[str, Asked], tried: set[str]) -> bool:
    """Give `one` a worker, moving those that have one already where that makes room. Changes `has`."""
    fitting = [seat for seat in free if fits(one.need, seat) and seat.executor not in tried]
    for seat in fitting:
        if seat.executor not in has:
            has[seat.executor] = one
            return True
    for seat in fitting:
        tried.add(seat.executor)
        if _seated(has[seat.executor], free, has, tried):
            has[seat.executor] = one
            return True
    return False


def _unplaced(one: Asked, seats: Sequence[Seat]) -> Unplaced:
    if any(fits(one.need, seat) for seat in seats):
        return Unplaced(run=one.run, why="every worker that it fits on is at work")
    return Unplaced(run=one.run, why=_why_nowhere(one.need, seats), nowhere=True)


def _why_nowhere(need: Need, seats: Sequence[Seat]) -> str:
    """Tags first, then memory, then both at once."""
    if not seats:
        return "no worker is alive: start `bot run` or `bot worker`"
    missing = [tag for tag in need.tags if all(tag not in seat.tags for seat in seats)]
    if missing:
        return f"no living worker has the tag {missing[0]}"
    tagged = [seat for seat in seats if set(need.tags) <= set(seat.tags)]
    if not tagged:
        return f"no living worker has all the tags {', '.join(need.tags)}"
    largest = max(tagged, key=lambda seat: seat.memory_bytes)
    with_tags = f" of those with {', '.join(need.tags)}" if need.tags else ""
    return (
        f"it needs {size(need.memory_bytes)} of memory, and the largest living worker{with_tags} "
        f"({largest.executor}) has {size(largest.memory_bytes)}"
    )
