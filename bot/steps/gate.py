"""The steps of the gate: before a quant becomes public, and once more when its tasks are measured."""

from __future__ import annotations

from pathlib import Path

from dbos import DBOS

from bot.errors import NotFound
from bot.measure.verdict import judge as judge_answers
from bot.publish import collections, ledger, repo
from bot.publish.ledger import STAGING_BRANCH, OnHub
from bot.records import Answers, Gate, Manifest, PublishedRepo, from_json, to_json
from bot.steps.card import gate_of, write
from bot.steps.job import Job, Json, door, say


@DBOS.step(name="gate")
def pass_gate(job_json: Json, place_json: Json, sha: str, answers_json: Json) -> Json:
    """What the gate says of the verified quant, and the commit that says so too: where the answers are among
    the reasons, card and manifest are written again.
    """
    job, place = from_json(Job, job_json), from_json(repo.Place, place_json)
    say(job, "gate", job.quant.repo)
    base = job.measurement_of(None)
    complaints = judge_answers(base.answers if base is not None else None, from_json(Answers, answers_json))
    gate = gate_of(job, tuple(complaints))
    if complaints:
        there = ledger.look(door(job.plan), job.quant.repo, place.branch)
        sha = _amend(job, there, place.branch, write(job, gate))
    return {"gate": to_json(gate), "sha": sha}


@DBOS.step(name="update card")
def update_card(job_json: Json) -> Json:
    """The numbers of a quant that was out early, in one commit; private again when they reveal it as broken.

    Raises NotFound, NeedsPerson (changed by somebody else), VerificationFailed.
    """
    job = from_json(Job, job_json)
    say(job, "update card", job.quant.repo)
    branch, there, known = _where(job)
    gate = _gate_again(job, known)
    approved = known.approval is not None and set(gate.reasons) <= set(known.approval.reasons)
    public = branch == "main" and not there.private
    hub = door(job.plan)
    if public and not gate.passed and not approved:
        public = False
        repo.make_private(hub, job.quant.repo)
        collections.remove(hub, job.plan.account, job.quant.repo)
    sha = _amend(job, there, branch, write(job, gate, known.approval if approved else None))
    return to_json(
        PublishedRepo(
            repo=job.quant.repo,
            url=hub.url(job.quant.repo),
            sha=sha,
            public=public,
            verified=len(known.files) + 1,
            recipe=job.quant.recipe,
            gate=gate,
        )
    )


def _gate_again(job: Job, known: Manifest) -> Gate:
    """The gate over all numbers, and what it said before of the answers."""
    gate = gate_of(job)
    before = known.gate.reasons if known.gate is not None else ()
    return gate_of(job, tuple(reason for reason in before if reason not in gate.reasons))


def _amend(job: Job, there: OnHub, branch: str, fresh: Manifest) -> str:
    message = f"{job.quant.recipe} of {job.plan.base.repo}: what was measured"
    return repo.amend(door(job.plan), Path(job.folder.path), there, branch, fresh, message)


def _where(job: Job) -> tuple[str, OnHub, Manifest]:
    """The branch that holds this quant, what it holds, and its manifest. Raises NotFound."""
    hub, plan = door(job.plan), job.plan
    for branch in (STAGING_BRANCH, "main"):
        there = ledger.look(hub, job.quant.repo, branch)
        known = there.manifest
        if known and (known.base_sha, known.recipe_hash) == (plan.base.sha, job.quant.recipe_hash):
            return branch, there, known
    raise NotFound(
        f"{job.quant.repo} no longer holds what was published: run `bot publish {plan.base.repo}` again"
    )
