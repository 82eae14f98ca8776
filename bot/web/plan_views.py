"""Proposals as the page shows them to the person who decides: pure."""

from __future__ import annotations

from bot.card.numbers import listed
from bot.plan.proposal import Proposal
from bot.records import Plan, PlannedQuant
from bot.web.views import PlannedView, PlanView
from bot.web.words import many

CHANGES = {
    "new": "a new base",
    "weights": "new weights",
    "tokenizer": "another tokenizer or chat template",
    "card": "another README",
    "license": "another license or gating",
    "generation_config": "another generation config",
    "renamed": "another name",
    "gone": "it is gone",
    "other": "other files",
}
"""The kinds of change, in words."""

ACTIONS = {
    "make": "make quants",
    "patch": "bring files up to date",
    "mark": "mark the cards",
    "freeze": "frozen: nothing is made",
    "nothing": "nothing",
}


def plan_view(proposal: Proposal) -> PlanView:
    """One proposal with everything that a decision needs."""
    plan, patch, estimate = proposal.plan, proposal.patch, proposal.estimate
    to_make = plan.to_make() if plan is not None else ()
    base = plan.base if plan is not None else patch.base if patch is not None else None
    return PlanView(
        id=proposal.id,
        action=ACTIONS.get(proposal.action, proposal.action),
        repo=proposal.repo,
        sha=proposal.sha,
        change=CHANGES.get(proposal.kind, proposal.kind),
        why=proposal.why,
        rule=proposal.rule,
        where=where(proposal),
        created_at=proposal.created_at,
        quants=tuple(_planned(quant) for quant in plan.quants) if plan is not None else (),
        files=(*patch.files, *(f"{path} (removed)" for path in patch.removed)) if patch is not None else (),
        targets=proposal.targets,
        size=sum(quant.predicted_bytes for quant in to_make),
        upload=estimate.upload_bytes,
        disk=estimate.disk_bytes or (plan.disk_bytes if plan is not None else 0),
        memory=max(estimate.memory_bytes, proposal.need.memory_bytes),
        seconds=estimate.seconds,
        low=estimate.seconds_low,
        high=estimate.seconds_high,
        basis=estimate.basis,
        license=base.license if base is not None else None,
        gated=base is not None and base.gated,
    )


def _planned(quant: PlannedQuant) -> PlannedView:
    does = quant.action if quant.action in ("make", "update") else quant.why or quant.action
    return PlannedView(
        recipe=quant.recipe,
        repo=quant.repo,
        bits=quant.bits_per_weight,
        size=quant.predicted_bytes,
        does=does,
    )


def where(proposal: Proposal) -> str:
    """A sentence: where it is published, and what anybody can see of it before it is verified."""
    if proposal.plan is not None:
        return _published(proposal.plan)
    if proposal.patch is not None:
        repos = many(len(proposal.patch.repos), "repo")
        left = f" {len(proposal.patch.left)} stay as they are." if proposal.patch.left else ""
        return f"One commit to each of {repos} of {proposal.patch.account}; weights stay as they are.{left}"
    return "Nothing is published."


def _published(plan: Plan) -> str:
    if plan.keep_private:
        how = f"Private repos of {plan.account}, which stay private"
    elif plan.early:
        how = f"Public repos of {plan.account} as soon as perplexity is measured; tasks follow"
    elif plan.staging == "branch":
        how = f"Repos of {plan.account}, verified on a branch, then public"
    else:
        how = f"Repos of {plan.account}, private until verified, then public"
    linked = f", in {listed(list(plan.collections))}" if plan.collections and not plan.keep_private else ""
    return f"{how}{linked}."
