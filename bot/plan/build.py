"""A proposal made of a change: planned, weighed and estimated. The network at the edge of the plan stage."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.patch.patch import Patch
from bot.plan.action import Action
from bot.plan.decide import Wishes
from bot.plan.estimate import PastRun, estimate
from bot.plan.make import make_plan
from bot.plan.past import machine_of
from bot.plan.priority import Popularity, interest
from bot.plan.proposal import Estimate, Need, Proposal, proposal_id
from bot.records import Change, ChangeKind, Plan
from bot.settings import Settings

WHY: dict[ChangeKind, str] = {
    "new": "a new base",
    "weights": "its weights changed",
    "tokenizer": "its tokenizer or chat template changed",
    "generation_config": "its generation config changed",
    "license": "its license or gating changed",
    "card": "its README changed",
    "renamed": "it has another name now",
    "gone": "it was deleted or made private",
    "other": "other files of it changed",
}


def to_make(
    door: HubDoor,
    settings: Settings,
    change: Change,
    wishes: Wishes,
    past: Sequence[PastRun],
    *,
    action: Action = "make",
    why: str | None = None,
) -> Proposal:
    """The proposal to make quants of the change's revision (with `action` freeze: once its terms have a yes).

    What its terms need is left to `bot.plan.rules`. Raises NotFound, NotAllowed, NeedsPerson (gated, and this
    token may not read it), UnsuitableBase, HubUnavailable.
    """
    why = why or WHY[change.kind]
    plan = make_plan(door, settings, change.repo, change.sha, wishes, why=why, terms="later")
    return replace(
        weighed(plan, past, machine_of(settings), action=action, kind=change.kind),
        interest=interest(popularity(door, change.repo)),
    )


def to_patch(
    door: HubDoor, change: Change, patch: Patch, *, action: Action = "patch", why: str | None = None
) -> Proposal:
    """The proposal to bring small files (with `action` mark: words on cards) into quants that are there."""
    size = sum(file.size for file in patch.base.files if file.path in patch.files)
    return Proposal(
        id=proposal_id(change.repo, change.sha, action),
        action=action,
        repo=change.repo,
        sha=change.sha,
        kind=change.kind,
        why=why or WHY[change.kind],
        patch=patch,
        estimate=Estimate(upload_bytes=size * len(patch.repos), basis="small files only"),
        interest=0.0 if change.kind == "gone" else interest(popularity(door, change.repo)),
        created_at=time.time(),
    )


def to_freeze(change: Change) -> Proposal:
    """The proposal that holds a base whose terms changed, where nothing else of it did."""
    return Proposal(
        id=proposal_id(change.repo, change.sha, "freeze"),
        action="freeze",
        repo=change.repo,
        sha=change.sha,
        kind=change.kind,
        why=WHY[change.kind],
        created_at=time.time(),
    )


def weighed(
    plan: Plan, past: Sequence[PastRun], machine: str, *, action: Action, kind: ChangeKind
) -> Proposal:
    """A plan as a proposal with its estimate; nobody's interest yet. Pure but for the time."""
    found = estimate(plan, past, machine)
    return Proposal(
        id=proposal_id(plan.base.repo, plan.base.sha, action),
        action=action,
        repo=plan.base.repo,
        sha=plan.base.sha,
        kind=kind,
        why=plan.why,
        plan=plan,
        estimate=found,
        need=Need(memory_bytes=found.memory_bytes),
        created_at=time.time(),
    )


def popularity(door: HubDoor, repo: str) -> Popularity:
    """How much the base is wanted. Raises what the Hub's errors translate to."""

    def asked() -> Popularity:
        found = door.api.model_info(repo, expand=["downloads", "likes", "trendingScore"])
        return Popularity(
            downloads=found.downloads or 0, likes=found.likes or 0, trending=found.trending_score or 0
        )

    return patiently(asked, repo, attempts=3)
