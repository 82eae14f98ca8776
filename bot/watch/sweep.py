"""One look at everything that is followed, with as few requests as the Hub allows.

An author costs one listing, last changed first, asked for with the entity tag of the former one: where
nothing changed the Hub says so and no more. It is read no further than it can show something new, and only
repos that it shows changed are looked at. What is known stands in the journal, so that a sweep after a
restart costs no more than any other. Once a night `nightly` reads the listings whole, for what the end of a
listing cannot show: repos that were deleted, renamed or made private.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.errors import NotFound
from bot.journal import repos
from bot.journal.database import Journal
from bot.records import BaseRevision, Change
from bot.watch.found import SweepResult, Waiting
from bot.watch.look import Seen
from bot.watch.rounds import Round
from bot.watch.watchlist import Watchlist, entry_for

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

__all__ = ["Seen", "SweepResult", "Waiting", "dealt_with", "look_at", "nightly", "sweep"]


def _nobody_knows(repo: str) -> BaseRevision | None:
    """The `Seen` of who knows nothing beside the journal."""


def sweep(
    watchlist: Watchlist, door: HubDoor, journal: Journal, now: datetime, *, seen: Seen = _nobody_knows
) -> SweepResult:
    """What changed since it was taken up, what waits for time or for a commit, what could not be looked at.

    An author or repo that cannot be looked at is in `errors`, not raised. A change is reported again by every
    sweep until it is `dealt_with`. `seen` is asked for what was taken up before the journal was there. `now`
    is aware of its zone. Raises HostError when the journal is out of reach.
    """
    return Round(watchlist, door, journal, now, seen).run()


def nightly(
    watchlist: Watchlist, door: HubDoor, journal: Journal, now: datetime, *, seen: Seen = _nobody_knows
) -> SweepResult:
    """A `sweep` that reads every listing whole, and looks at each known repo that it does not show."""
    return Round(watchlist, door, journal, now, seen, full=True).run()


def look_at(
    watchlist: Watchlist,
    door: HubDoor,
    journal: Journal,
    repo: str,
    now: datetime,
    *,
    seen: Seen = _nobody_knows,
) -> SweepResult:
    """A look at one repo, of which somebody said that it changed. Raises NotFound when it is not watched."""
    entry = entry_for(watchlist, repo)
    if entry is None:
        raise NotFound(f"{repo} is not watched: add it to the watchlist, or follow its author")
    return Round(watchlist, door, journal, now, seen, full=True).one(repo, entry)


def dealt_with(journal: Journal, change: Change, revision: BaseRevision | None = None) -> None:
    """Whatever this change leads to is decided and kept: it is not reported again.

    `revision` is the sweep's `revisions[change.repo]`; a repo that is gone has none. Raises HostError.
    """
    if change.kind == "gone":
        repos.taken_as_gone(journal, change.repo)
    elif revision is None:
        raise ValueError(f"what {change.repo} is now must be said")
    elif change.kind == "renamed":
        repos.taken_as_renamed(journal, change.repo, revision)
    else:
        repos.taken_up(journal, change.repo, revision)
