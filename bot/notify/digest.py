"""The breakfast digest: pure, of what happened, what ran, what waits and how often it was downloaded.

5 made, 4 public, 1 waits: tester/Foo-qx64-mlx: KL 0.31 is over 0.25
"""

from __future__ import annotations

import datetime
import shlex
import zoneinfo
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import tzlocal

from bot.journal.timeline import EventKind, Happened
from bot.notify.decide import is_over
from bot.notify.render import LEAD
from bot.notify.settings import NotifySettings
from bot.records import Record
from bot.redaction import one_line

NAMED = 8
"""Names in a line; of more it is said how many there are."""

MOST_DOWNLOADED = 3


class Made(Record, frozen=True, kw_only=True):
    """What became of one planned quant in a run that ended. `why` says it for one that is not public; `run`
    is the id of one that can be retried."""

    repo: str
    status: Literal["published", "private", "stopped", "failed"]
    why: str = ""
    run: str = ""


class Waits(Record, frozen=True, kw_only=True):
    """A plan that waits for a yes. `why`: which rule holds it."""

    plan: str
    repo: str
    why: str = ""


class Downloads(Record, frozen=True, kw_only=True):
    """How often each repo was ever downloaded, now and `seconds` ago (None: there was no reading before)."""

    now: Mapping[str, int]
    before: Mapping[str, int] | None = None
    seconds: float = 0.0


class Digest(Record, frozen=True, kw_only=True):
    """`headline` says it all; `asks`: somebody has to do something."""

    headline: str
    lines: tuple[str, ...]
    asks: bool


def due_day(settings: NotifySettings, now: float, last_day: str, known_since: float) -> datetime.date | None:
    """The day whose digest is to be made now, or None.

    It is due from its time on (also late, when the machine was off then), once a day, and not for a time
    before somebody was there to read it (`known_since`). `last_day`: of the last one, 2026-11-24.
    """
    if settings.digest == "off":
        return None
    local = datetime.datetime.fromtimestamp(now, zone_of(settings))
    hour, minute = map(int, settings.digest.split(":"))
    moment = local.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    if now < moment.timestamp() or known_since > moment.timestamp() or last_day >= local.date().isoformat():
        return None
    return local.date()


def zone_of(settings: NotifySettings) -> datetime.tzinfo:
    """The digest's time zone; this machine's where none is named."""
    return zoneinfo.ZoneInfo(settings.timezone) if settings.timezone else tzlocal.get_localzone()


def digest(
    events: Sequence[Happened],
    made: Sequence[Made],
    waiting: Sequence[Waits],
    downloads: Downloads | None,
) -> Digest:
    """The digest of a span: its events, the runs that ended in it, and what waits at its end.

    `downloads` is None where the Hub was not asked or did not answer.
    """
    public = [one for one in made if one.status == "published"]
    kept = [one for one in made if one.status in ("private", "stopped")]
    failed = [one for one in made if one.status == "failed"]
    lines = [
        *_named("Public", [one.repo for one in public]),
        *_each("Not public", [(one.repo, one.why, f"bot approve {one.repo}") for one in kept]),
        *_each("Waits for your yes", [(one.repo, one.why, f"bot approve {one.plan}") for one in waiting]),
        *_each("Failed", [(one.repo, one.why, _retry(one.run)) for one in failed]),
        *_named("New", [event.subject for event in events if event.kind == "found"]),
        *_others(events),
        *_troubles(events),
        *_downloads(downloads),
    ]
    headline = _headline(len(public) + len(kept), len(public), [*kept, *waiting], len(failed))
    return Digest(
        headline=one_line(headline),
        lines=tuple(one_line(line) for line in lines),
        asks=bool(kept or waiting or failed),
    )


def _headline(made: int, public: int, waits: Sequence[Made | Waits], failed: int) -> str:
    parts = [f"{made} made, {public} public"] if made else ["nothing was made"]
    if failed:
        parts.append(f"{failed} failed")
    if len(waits) == 1:
        parts.append(f"1 waits: {waits[0].repo}" + (f": {waits[0].why}" if waits[0].why else ""))
    elif waits:
        parts.append(f"{len(waits)} wait")
    return ", ".join(parts)


def _retry(run: str) -> str:
    return f"bot retry {shlex.quote(run)}" if run else "bot status"


def _each(lead: str, found: Sequence[tuple[str, str, str]]) -> list[str]:
    """Of each the repo and why, and below it the command that answers."""
    lines = [
        line
        for repo, why, command in found[:NAMED]
        for line in (f"{lead}: {repo}" + (f": {why}" if why else ""), f"  {command}")
    ]
    more = len(found) - NAMED
    return [*lines, f"{lead}: {more} more, see `bot status`"] if more > 0 else lines


def _named(lead: str, names: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(names))
    if not distinct:
        return []
    more = f" and {len(distinct) - NAMED} more" if len(distinct) > NAMED else ""
    return [f"{lead}: {', '.join(distinct[:NAMED])}{more}"]


def _others(events: Sequence[Happened]) -> list[str]:
    """What else happened, one line a kind."""
    kinds: tuple[EventKind, ...] = ("patched", "frozen", "gone", "repair", "recalled")
    return [
        line
        for kind in kinds
        for line in _named(LEAD[kind], [event.subject for event in events if event.kind == kind])
    ]


def _troubles(events: Sequence[Happened]) -> list[str]:
    """The newest of each trouble, and how often there was one."""
    ordered = sorted(events, key=lambda event: event.id)
    troubles = [event for event in ordered if event.kind == "trouble" and not is_over(event)]
    times = Counter(event.subject for event in troubles)
    newest = {event.subject: event for event in troubles}
    return [
        f"Trouble: {event.text}" + (f" ({times[subject]} times)" if times[subject] > 1 else "")
        for subject, event in list(newest.items())[:NAMED]
    ]


def _downloads(found: Downloads | None) -> list[str]:
    if found is None:
        return ["Downloads: the Hub did not say"]
    total = sum(found.now.values())
    if found.before is None:
        return [f"Downloads: {total:,} of {len(found.now)} repos until now"]
    # A repo that was not there at the last reading is new; one whose count fell was made anew.
    more = {repo: max(0, count - found.before.get(repo, 0)) for repo, count in found.now.items()}
    best = sorted((repo for repo in more if more[repo]), key=lambda repo: (-more[repo], repo))
    named = ", ".join(f"{repo} {more[repo]:,}" for repo in best[:MOST_DOWNLOADED])
    hours = f"{found.seconds / 3600:.0f} h"
    return [
        f"Downloads in {hours}: {sum(more.values()):,} of {len(found.now)} repos"
        + (f" ({named})" if named else "")
    ]
