"""What becomes of proposals: stored, approved, refused, started, over. Every decision stands in the timeline.

propose ─ start ─> approved ─ due ─> started ─ over ─> over
        └ ask ──> waiting ─ approve ─┘
                     └── refuse ──> refused          a newer change of the base: superseded
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from bot.errors import NotFound, UsageError
from bot.journal import plans
from bot.journal.database import Journal
from bot.journal.plans import Kept
from bot.journal.timeline import EventKind, tell
from bot.plan.action import Action
from bot.plan.budget import Room, startable
from bot.plan.priority import in_order
from bot.plan.proposal import Proposal, State
from bot.plan.rules import Standing, Verdict
from bot.watch.budget import Budget

OPEN: tuple[State, ...] = ("waiting", "approved")
"""States in which a proposal may still be decided, edited, superseded."""

BY_RULE = "rule"
"""Who approved what needed no person."""


def standing(journal: Journal, proposal: Proposal) -> Standing:
    """What was decided before about the proposal's base and sha, for `bot.plan.rules.verdict`."""
    earlier = plans.listed(journal, repo=proposal.repo)
    refused = [k for k in earlier if k.state == "refused"]
    frozen = next((k for k in earlier if k.proposal.action == "freeze" or k.proposal.frozen), None)
    mine = next((k for k in refused if k.proposal.sha == proposal.sha), None)
    return Standing(
        frozen=_why_frozen(frozen) if frozen is not None else "",
        refused=(mine.decided_by or "somebody") if mine is not None else "",
    )


def _why_frozen(kept: Kept) -> str:
    """The newest word about the base's terms, as long as it is no yes."""
    if kept.state == "refused":
        return f"its changed terms were refused by {kept.decided_by or 'somebody'}"
    if kept.state in ("waiting", "superseded"):
        return "its license or gating changed, and nobody has said yes to that yet"
    return ""


def propose(journal: Journal, proposal: Proposal, verdict: Verdict, *, by_hand: bool = False) -> Kept | None:
    """Keep the proposal: `approved` when the verdict is to start (now or later), `waiting` when it asks.

    None where the verdict is no. The same change again changes nothing, whatever became of it; `by_hand`
    opens one again that was refused, superseded or is over. A newer change of the same base supersedes what
    did not start yet, and inherits since when its base waits. Raises HostError.
    """
    if verdict.outcome == "no" and not by_hand:
        return None
    asks = verdict.outcome in ("ask", "no")
    now = time.time()
    fresh = Kept(
        proposal=replace(
            proposal,
            rule=verdict.told,
            frozen=verdict.rule == "freeze",
            created_at=_since(journal, proposal, now),
        ),
        state="waiting" if asks else "approved",
        created_at=now,
        decided_at=None if asks else now,
        decided_by=None if asks else BY_RULE,
    )
    again: tuple[State, ...] = ("waiting", "refused", "superseded", "over")
    new = plans.insert(journal, fresh, lambda older: supersedes(proposal.action, older.action))
    if not new and not (by_hand and plans.move(journal, fresh, again)):
        return plans.get(journal, proposal.id)
    if asks:
        text = f"{proposal.repo}: {proposal.why}; it waits for your yes: {verdict.told}"
        _told(journal, "waiting", fresh, f"{text}: `bot approve {proposal.id}`")
    else:
        _told(journal, "decided", fresh, f"{proposal.repo}: {proposal.why}; approved: {verdict.told}")
    return fresh


def supersedes(newer: Action, older: Action) -> bool:
    """Whether a newer change's action does all that the older one's would have done.

    Small files do not bring new weights; a base that is gone or has another name is not made any more.
    """
    return older in ("mark", "freeze") or newer in ("make", "freeze", "mark") or older == newer


def action_with_open(journal: Journal, repo: str, action: Action, *, terms: bool = False) -> Action:
    """The action for a newer change of `repo`, where an older one is still open: a patch is a make while new
    weights wait, so that the newest revision is made whole. `terms`: its license or gating changed, and
    `action` is what changed beside; then what waits is done with the yes to the terms. Raises HostError.
    """
    waiting = [kept.proposal for kept in plans.listed(journal, OPEN, repo=repo)]
    beside = terms and action == "nothing"
    if any(p.plan is not None for p in waiting) and (action == "patch" or beside):
        return "make"
    return "patch" if beside and any(p.action == "patch" for p in waiting) else action


def _since(journal: Journal, proposal: Proposal, now: float) -> float:
    waiting = plans.listed(journal, OPEN, repo=proposal.repo)
    return min([now, *(k.proposal.created_at or k.created_at for k in waiting)])


# ------------------------------------------------------------------ a person's word


def find(journal: Journal, name: str, states: tuple[State, ...] = OPEN) -> Kept:
    """The proposal that `name` means: its id, its base (owner/name), or a repo that it would write to.

    Raises NotFound for none in one of `states`, UsageError where several are meant.
    """
    exact = plans.get(journal, name)
    if exact is not None:
        if exact.state not in states:
            raise UsageError(f"{name} is {exact.state} already: `bot plan show {name}` says since when")
        return exact
    known = meant(journal, name, states)
    if len(known) > 1:
        ids = " or ".join(k.id for k in known)
        raise UsageError(f"{name} is what several plans are about: name one by its id, {ids}")
    if not known:
        raise NotFound(f"no plan about {name!r} waits: `bot plan` lists them")
    return known[0]


def meant(journal: Journal, name: str, states: tuple[State, ...] = OPEN) -> list[Kept]:
    """All that `name` may mean: the plan of that id, else those of that base, else those of that target."""
    low = name.lower()
    known = plans.listed(journal, states)
    of_id = [k for k in known if k.id == name]
    of_base = [k for k in known if k.proposal.repo.lower() == low]
    return of_id or of_base or [k for k in known if low in (t.lower() for t in k.proposal.targets)]


def approve(journal: Journal, name: str, by: str) -> Kept:
    """A person's yes to what waits: `name` as `find` takes it. What is approved already stays so.

    A freeze with nothing to do is over with the yes. Raises NotFound, UsageError, HostError.
    """
    kept = find(journal, name)
    if kept.state == "approved":
        return kept
    nothing = not kept.proposal.targets
    done = _decided(journal, kept, "over" if nothing else "approved", by, kept.proposal.said)
    _told(journal, "decided", done, f"{kept.proposal.repo}: {by} approved {kept.id}", {"by": by})
    return done


def refuse(journal: Journal, name: str, by: str, why: str = "") -> Kept:
    """A person's no: it is not proposed again for that revision. Also for what is approved and not started.

    Raises NotFound, UsageError, HostError.
    """
    kept = find(journal, name)
    done = _decided(journal, kept, "refused", by, why)
    because = f": {why}" if why else ""
    _told(
        journal,
        "decided",
        done,
        f"{kept.proposal.repo}: {by} refused {kept.id}{because}",
        {"by": by, "why": why},
    )
    return done


def edited(journal: Journal, kept: Kept, proposal: Proposal, by: str, what: str) -> Kept:
    """Put `proposal` (the same id, planned anew) in the place of what waits. Raises UsageError, HostError."""
    fresh = replace(
        kept, proposal=replace(proposal, created_at=kept.proposal.created_at, frozen=kept.proposal.frozen)
    )
    if not plans.move(journal, fresh, (kept.state,)):
        raise _taken_meanwhile(kept)
    _told(journal, "decided", fresh, f"{proposal.repo}: {by} edited {kept.id}: {what}", {"by": by})
    return fresh


def _decided(journal: Journal, kept: Kept, state: State, by: str, said: str) -> Kept:
    done = replace(
        kept,
        proposal=replace(kept.proposal, said=said),
        state=state,
        decided_at=time.time(),
        decided_by=by,
    )
    if not plans.move(journal, done, (kept.state,)):
        raise _taken_meanwhile(kept)
    return done


def _taken_meanwhile(kept: Kept) -> UsageError:
    return UsageError(f"{kept.id} was decided by somebody else just now: `bot plan show {kept.id}`")


# ------------------------------------------------------------------ the daemon's side


def due(
    journal: Journal,
    now: datetime,
    budget: Budget,
    room: Room | None = None,
    *,
    lines: Mapping[str, str] | None = None,
) -> list[Proposal]:
    """The approved proposals to start now, the first to start first.

    `now` is aware and in the budget's zone (`bot.plan.budget.local`); `room` is what there is
    (`bot.plan.room.look`): what the journal knows as started takes its share of it. Starting it is the
    caller's: enqueue, then `started`. Raises HostError.
    """
    return [
        proposal
        for proposal, verdict in outlook(journal, now, budget, room, lines=lines)
        if verdict.outcome == "start"
    ]


def outlook(
    journal: Journal,
    now: datetime,
    budget: Budget,
    room: Room | None = None,
    *,
    lines: Mapping[str, str] | None = None,
) -> list[tuple[Proposal, Verdict]]:
    """Every approved proposal in the order of starting: `start`, or `later` and why. As `due` takes it."""
    room = with_running(journal, room or Room())
    approved = [kept.proposal for kept in plans.listed(journal, ("approved",))]
    ordered = in_order(approved, now.timestamp())
    busy = {other.repo for other in room.running}
    # Two plans of one base one after the other: they share its files on disk.
    ready = [proposal for proposal in ordered if proposal.repo not in busy]
    waits = Verdict(outcome="later", rule="turn", why="another plan of this base is under way")
    rest = [(proposal, waits) for proposal in ordered if proposal.repo in busy]
    return [*startable(ready, budget, room, now, lines), *rest]


def with_running(journal: Journal, room: Room) -> Room:
    """The room with what the journal knows as started taking its share."""
    return replace(room, running=tuple(kept.proposal for kept in plans.listed(journal, ("started",))))


def started(journal: Journal, id_: str, run: str) -> Kept:
    """Write down that the proposal runs as `run`. Saying it twice is no harm.

    Raises NotFound for an unknown id, UsageError for one that was refused meanwhile.
    """
    kept = _known(journal, id_)
    if kept.state == "started" and kept.run == run:
        return kept
    going = replace(kept, state="started", run=run)
    if not plans.move(journal, going, ("approved", "started", "over")):
        raise UsageError(f"{id_} is {kept.state}: it is not started")
    _told(journal, "started", going, f"{kept.proposal.repo}: {kept.proposal.why}; started", {"run": run})
    return going


def over(journal: Journal, id_: str, ok: bool, text: str = "") -> Kept:
    """Write down that its run ended, well or not. `text`: one sentence on what it came to.

    Raises NotFound for an unknown id. Saying it twice is no harm.
    """
    kept = _known(journal, id_)
    ended = replace(kept, state="over")
    if plans.move(journal, ended, ("started", "approved")):
        kind: EventKind = ("published" if kept.proposal.action == "make" else "patched") if ok else "failed"
        default = "done" if ok else "it did not go well: `bot status` says why"
        _told(journal, kind, ended, f"{kept.proposal.repo}: {text or default}", {"run": kept.run})
    return ended


def _known(journal: Journal, id_: str) -> Kept:
    kept = plans.get(journal, id_)
    if kept is None:
        raise NotFound(f"there is no plan {id_!r}: `bot plan` lists them")
    return kept


def _told(
    journal: Journal, kind: EventKind, kept: Kept, text: str, data: dict[str, object] | None = None
) -> None:
    tell(journal, kind, kept.proposal.repo, text, {"plan": kept.id, "state": kept.state} | (data or {}))
