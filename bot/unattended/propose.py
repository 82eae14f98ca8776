"""From a change to a decision: which action, which proposal, which rule; kept in the journal."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bot.errors import BotError, UnsuitableBase
from bot.journal import repos
from bot.journal.timeline import EventKind, tell
from bot.patch.plan import plan_patch, quants_of
from bot.plan import build, decisions
from bot.plan.action import ACTIONS, Action, action_for
from bot.plan.estimate import PastRun
from bot.plan.past import past_runs
from bot.plan.proposal import Proposal
from bot.plan.rules import Verdict, verdict
from bot.plan.wishes import wishes_of_entry
from bot.records import BaseRevision, Change, ChangeKind, Record
from bot.unattended.desk import Desk
from bot.watch.changes import changed_files, kind_of_file
from bot.watch.sweep import SweepResult, dealt_with
from bot.watch.watchlist import Entry, Watchlist, entry_for

_SEEN: dict[ChangeKind, EventKind] = {"license": "frozen", "renamed": "gone", "gone": "gone"}
"""What a change is on the timeline; any other was found."""


class Decided(Record, frozen=True, kw_only=True):
    """What one look came to about one change: the plan that was kept for it, or why it waits.

    `run` is there for programs that read `bot watch --once --json`: a look starts nothing, a plan does.
    """

    repo: str
    sha: str
    kind: ChangeKind
    action: Action = "nothing"
    plan: str | None = None
    run: str | None = None
    waits: str | None = None


class Seeing(Record, frozen=True, kw_only=True):
    """A change with the base's revision before it (None: never taken up) and now (None: gone)."""

    change: Change
    before: BaseRevision | None = None
    after: BaseRevision | None = None


def propose_all(
    desk: Desk, watchlist: Watchlist, found: SweepResult, *, keep: bool = True
) -> tuple[Decided, ...]:
    """Decide about every change that a sweep found. With `keep` it is written down, and not reported again.

    An error about one base is its line, never the sweep's end: it is looked at again by the next sweep.
    """
    past = past_runs(desk.client) if desk.client is not None and found.changes else ()
    waits = [Decided(repo=w.repo, sha=w.sha, kind=w.kind, waits=w.reason) for w in found.waiting]
    made = []
    for change in found.changes:
        before = repos.taken(desk.journal, change.repo)  # a sweep leaves there what only the runs knew
        now = Seeing(change=change, before=before, after=found.revisions.get(change.repo))
        made.append(_guarded(desk, watchlist, now, past, keep=keep))
    return (*waits, *made)


def _guarded(
    desk: Desk, watchlist: Watchlist, now: Seeing, past: Sequence[PastRun], *, keep: bool
) -> Decided:
    change = now.change
    outcome = Decided(repo=change.repo, sha=change.sha, kind=change.kind)
    try:
        return _decided(desk, watchlist, now, past, outcome, keep=keep)
    except UnsuitableBase as error:  # only another revision of it can change that
        if keep:
            tell(desk.journal, "found", change.repo, f"{change.repo} is not made: {error}")
            dealt_with(desk.journal, change, now.after)
        return replace(outcome, waits=str(error))
    except BotError as error:
        return replace(outcome, waits=str(error))


def _decided(
    desk: Desk, watchlist: Watchlist, now: Seeing, past: Sequence[PastRun], outcome: Decided, *, keep: bool
) -> Decided:
    change = now.change
    entry = entry_for(watchlist, change.repo)
    assert entry is not None, "the sweep reports watched repos only"
    proposal = proposed(desk, entry, now, past)
    if proposal is None:
        if keep:
            dealt_with(desk.journal, change, now.after)
        return replace(outcome, waits=f"{build.WHY[change.kind]}: its quants stay as they are")
    found = verdict(proposal, entry, decisions.standing(desk.journal, proposal))
    outcome = replace(outcome, action=proposal.action)
    if not keep:
        return replace(outcome, waits=_would(found))
    tell(desk.journal, _SEEN.get(change.kind, "found"), change.repo, _news(change), {"sha": change.sha})
    kept = decisions.propose(desk.journal, proposal, found)
    dealt_with(desk.journal, change, now.after)
    if kept is None or kept.state == "waiting":
        return replace(outcome, plan=kept.id if kept else None, waits=found.told)
    return replace(outcome, plan=kept.id)


def proposed(desk: Desk, entry: Entry, now: Seeing, past: Sequence[PastRun]) -> Proposal | None:
    """What could be done about a change; None where there is nothing to do. Raises BotError."""
    change = now.change
    wishes = wishes_of_entry(desk.door, desk.settings, entry)
    made = change.kind != "new" and bool(quants_of(desk.door, wishes.account, change.repo))
    action = decisions.action_with_open(desk.journal, change.repo, action_for(change.kind, made=made))
    work = _beside_terms(desk, now) if action == "freeze" else action
    if work == "make":
        return build.to_make(desk.door, desk.settings, change, wishes, past, action=action)
    if work in ("patch", "mark"):
        patch = plan_patch(desk.door, desk.settings, change, now.before, now.after, wishes.account)
        if patch.repos or patch.left or action == "freeze":
            return build.to_patch(desk.door, change, patch, action=action)
    return build.to_freeze(change) if action == "freeze" else None


def _beside_terms(desk: Desk, now: Seeing) -> Action:
    """What is done once a person has said yes to changed terms: at the least, license and metadata follow."""
    beside = decisions.action_with_open(desk.journal, now.change.repo, beside_terms(now), terms=True)
    return "patch" if beside == "nothing" else beside


def beside_terms(now: Seeing) -> Action:
    """What changed beside the terms asks for."""
    if now.before is None or now.after is None:
        return "make"
    asked = {ACTIONS[kind_of_file(path)] for path in changed_files(now.before, now.after)}
    return "make" if "make" in asked else "patch" if "patch" in asked else "nothing"


def _news(change: Change) -> str:
    renamed = f" (now {change.renamed_to})" if change.renamed_to else ""
    return f"{change.repo}{renamed}: {build.WHY[change.kind]}"


def _would(found: Verdict) -> str:
    return "would be started by `bot run`" if found.outcome == "start" else found.told
