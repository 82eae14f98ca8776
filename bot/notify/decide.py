"""Which events make the next message to a service: pure, over the timeline and what it was told already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from bot.journal.timeline import EventKind, Happened
from bot.records import Record

SETTLE = 15.0
"""Seconds that an event waits for others of the same burst, to be one message with them."""

GIVE_UP = 86_400.0
"""Seconds after which an event that a service did not take is told no more."""

REPEAT = 6 * 3600.0
"""Seconds within which the same is not told twice; trouble is the same by its subject alone."""

HOUR = 3600.0
AN_HOUR = 12
"""Messages that a service gets in an hour at most; what comes faster shares the next one."""

ANSWERED: frozenset[EventKind] = frozenset({"decided", "started"})
"""What ends the wait for a yes: then nobody needs to be asked any more."""


class Notices(Record, frozen=True, kw_only=True):
    """What the journal knows of one service: since when it is one (Unix seconds), which events are dealt
    with, when each text was told last (by `likeness`), and when messages were sent."""

    since: float
    handled: frozenset[int] = frozenset()
    told: dict[str, float] = msgspec.field(default_factory=dict)
    sent: tuple[float, ...] = ()


class Decision(Record, frozen=True, kw_only=True):
    """`send`: the events of one message, oldest first, none when there is nothing or it is too early.
    `give_up`: events that the service did not take for a day."""

    send: tuple[Happened, ...] = ()
    give_up: tuple[Happened, ...] = ()


def likeness(event: Happened) -> str:
    """Equal for events that say the same thing. Trouble and its end are the same whatever the sentence."""
    said = [event.kind, event.subject, str(is_over(event)) if event.kind == "trouble" else event.text]
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_over(event: Happened) -> bool:
    """True for the word that a trouble is over."""
    return event.kind == "trouble" and bool((event.data or {}).get("over"))


def decide(events: Iterable[Happened], notices: Notices, kinds: Iterable[EventKind], now: float) -> Decision:
    """What to send now. A digest is a message of its own; everything else that is due is one message."""
    ordered = sorted(events, key=lambda event: event.id)
    wanted = frozenset(kinds)
    open_ = [
        event
        for event in ordered
        if event.kind in wanted
        and event.id not in notices.handled
        and event.at >= notices.since
        and not _told_lately(event, notices)
        and not _answered(event, ordered)
    ]
    late = tuple(event for event in open_ if event.at < now - GIVE_UP)
    due = _once([event for event in open_ if event.at >= now - GIVE_UP])
    if sum(at > now - HOUR for at in notices.sent) >= AN_HOUR:
        return Decision(give_up=late)
    digest = [event for event in due if event.kind == "digest"]
    if digest:
        return Decision(send=tuple(digest[-1:]), give_up=late)
    if not due or min(event.at for event in due) > now - SETTLE:
        return Decision(give_up=late)
    return Decision(send=tuple(due), give_up=late)


def _told_lately(event: Happened, notices: Notices) -> bool:
    told = notices.told.get(likeness(event))
    return told is not None and event.at - told < REPEAT


def _answered(event: Happened, ordered: list[Happened]) -> bool:
    """A wish for a yes that got its answer before anybody was told."""
    return event.kind == "waiting" and any(
        later.id > event.id and later.kind in ANSWERED and _plan(later) == _plan(event) for later in ordered
    )


def _plan(event: Happened) -> str:
    return str((event.data or {}).get("plan") or event.subject)


def _once(events: list[Happened]) -> list[Happened]:
    """Of events that say the same, the newest, at the place of the first."""
    return list({likeness(event): event for event in events}.values())
