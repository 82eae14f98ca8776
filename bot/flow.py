"""The whole story on one page: fetch, quantize, measure; then for each quant card, gate, publish, link.
Later, when only small files of the base changed, or its name: a patch.

A family is one base revision and the quants planned of it. Its workflow makes
them; each finished quant is published by a workflow of its own, whose id names
repo, base revision and recipe, so that no two runs publish the same thing.
The steps stand in `steps`; each looks at what is done and does the rest. With `publish: early` the tasks
are measured after that, and each card is brought up to date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from dbos import DBOS, SetWorkflowID
from msgspec.structs import replace

from bot.errors import NotAllowed, VerificationFailed
from bot.measure.request import Measurements, NotMeasured
from bot.patch.patch import Patch, Patched, PatchedRepo
from bot.quantize import ModelFolders
from bot.records import (
    FamilyResult,
    Gate,
    Measurement,
    Outcome,
    Plan,
    PlannedQuant,
    PublishedRepo,
    from_json,
    to_json,
)
from bot.steps import card, gate, make, release
from bot.steps import patch as patching
from bot.steps.job import Job, Json


@DBOS.workflow(name="family")
def family(plan_json: Json) -> Json:
    """Make every quant of the plan and publish each; one that fails does not stop its siblings."""
    plan = from_json(Plan, plan_json)
    run = DBOS.workflow_id or ""
    snapshot = make.fetch(run, plan_json)
    folders = make.quantize(run, plan_json, snapshot)
    measure = make.measure_early if plan.early else make.measure
    measured = measure(run, plan_json, snapshot, folders)
    outcomes = _published_all(_Family(run, plan, folders, measured))
    if plan.early:
        measured = make.measure(run, plan_json, snapshot, folders)
        whole = _Family(run, plan, folders, measured)
        outcomes = [_updated(whole, outcome) for outcome in outcomes]
    result = FamilyResult(
        base=plan.base.repo,
        base_sha=plan.base.sha,
        base_measurement=_base_measurement(measured),
        outcomes=tuple(outcomes),
    )
    make.tidy(plan_json, to_json(result))
    return to_json(result)


class _Family:
    """What was made and measured of one plan, as its workflow holds it."""

    def __init__(self, run: str, plan: Plan, folders: Json, measured: Json) -> None:
        self.run, self.plan = run, plan
        self.folders = from_json(ModelFolders, folders).items
        self.measured = from_json(Measurements, measured)

    def job(self, quant: PlannedQuant) -> Job:
        return Job(
            family=self.run,
            plan=self.plan,
            quant=quant,
            folder=next(f for f in self.folders if f.recipe == quant.recipe),
            measured=self.measured.items,
        )


def _published_all(family: _Family) -> list[Outcome]:
    """Each quant's own workflow, one after the other."""
    outcomes = [_not_measured(family.plan, broken) for broken in family.measured.failed]
    for quant in family.plan.to_make():
        job = replace(family.job(quant), measuring=family.plan.early)
        if job.measurement_of(quant.recipe) is None:
            continue
        name = make.claim(publish_id(family.plan, quant))
        with SetWorkflowID(name):
            handle = DBOS.start_workflow(publish, to_json(job))
        outcomes.append(_outcome(handle.get_result, job))
    return outcomes


def _base_measurement(measured: Json) -> Measurement | None:
    return next((m for m in from_json(Measurements, measured).items if m.recipe is None), None)


def _not_measured(plan: Plan, broken: NotMeasured) -> Outcome:
    """A quant that gave no usable numbers never reaches the Hub; its siblings do."""
    quant = next(q for q in plan.quants if q.recipe == broken.recipe)
    return Outcome(
        repo=quant.repo,
        recipe=quant.recipe,
        status="failed",
        error=broken.error,
        error_kind=broken.error_kind,
    )


def _updated(whole: _Family, early: Outcome) -> Outcome:
    """The outcome of a quant that was out early, once its tasks are measured and stand on its card."""
    published = early.published
    if published is None:
        return early
    quant = next(q for q in whole.plan.quants if q.recipe == early.recipe)
    job = whole.job(quant)
    broken = next((f.error for f in whole.measured.failed if f.recipe == quant.recipe), None)
    if broken is not None and early.measurement is not None:
        job = replace(job, measured=(*job.measured, early.measurement), broken=broken)

    def updated() -> Json:
        fresh = from_json(PublishedRepo, gate.update_card(to_json(job)))
        return to_json(replace(fresh, collections=published.collections if fresh.public else ()))

    return _outcome(updated, job)


def _outcome(published_of: Callable[[], Any], job: Job) -> Outcome:
    measurement = job.measurement_of(job.quant.recipe)
    try:
        published = from_json(PublishedRepo, published_of())
    except Exception as error:  # noqa: BLE001  whatever one quant died of, its siblings go on
        return Outcome(
            repo=job.quant.repo,
            recipe=job.quant.recipe,
            status="failed",
            measurement=measurement,
            error=str(error),
            error_kind=getattr(error, "name", None) or type(error).__name__,
        )
    stopped = published.gate if published.stopped and not published.public else None
    return Outcome(
        repo=job.quant.repo,
        recipe=job.quant.recipe,
        status="stopped" if stopped else "published" if published.public else "private",
        published=published,
        measurement=measurement,
        error=stopped.told(job.quant.repo) if stopped else None,
        error_kind=VerificationFailed.__name__ if stopped else None,
    )


@DBOS.workflow(name="publish")
def publish(job_json: Json) -> Json:
    """One quant: card, private repo, upload, verify, try out; through the gate; public, linked."""
    card.write_card(job_json)
    place = release.create(job_json)
    sha = release.upload(job_json, place)
    files = release.verify(job_json, place, sha)
    answers = release.try_out(job_json, place, sha, files)
    found = gate.pass_gate(job_json, place, sha, answers)
    sha, stopped = found["sha"], not from_json(Gate, found["gate"]).passed
    if stopped or from_json(Job, job_json).plan.keep_private:
        return _published(job_json, sha, len(files), found["gate"], public=False, slugs=[])
    sha = release.release(job_json, place, sha)
    slugs = release.link(job_json)
    return _published(job_json, sha, len(files), found["gate"], public=True, slugs=slugs)


def _published(
    job_json: Json, sha: str, verified: int, found: Json, *, public: bool, slugs: list[str]
) -> Json:
    job = from_json(Job, job_json)
    return to_json(
        PublishedRepo(
            repo=job.quant.repo,
            url=f"{job.plan.endpoint}/{job.quant.repo}",
            sha=sha,
            public=public,
            verified=verified,
            recipe=job.quant.recipe,
            collections=tuple(slugs),
            gate=from_json(Gate, found),
        )
    )


@DBOS.workflow(name="patch")
def patch(patch_json: Json) -> Json:
    """What changed beside the weights, into every quant of the base; one that fails stops no sibling."""
    run, asked = DBOS.workflow_id or "", from_json(Patch, patch_json)
    trials = patching.try_tokenizers(run, patch_json) if asked.moves_files else {}
    done = _patched_all(run, patch_json, trials, asked.repos)
    left = (PatchedRepo(repo=each.repo, status="left", error=each.why) for each in asked.left)
    patching.clear_up(run)
    return to_json(Patched(base=asked.base.repo, sha=asked.base.sha, kind=asked.kind, repos=(*done, *left)))


def _patched_all(run: str, patch_json: Json, trials: Json, repos: tuple[str, ...]) -> list[PatchedRepo]:
    """One quant after the other. What the Hub does not allow (token, storage) it allows of no sibling."""
    done: list[PatchedRepo] = []
    for repo in repos:
        if done and done[-1].error_kind == NotAllowed.__name__:
            done.append(replace(done[-1], repo=repo))
        else:
            done.append(from_json(PatchedRepo, patching.patch_repo(run, patch_json, trials, repo)))
    return done


# ------------------------------------------------------------------ identities


def family_id(plan: Plan) -> str:
    """The id of a family's run: same base revision, recipes and settings, same run.

    What of it is published already plays no part: asked again in the middle, it is still the same run.
    """
    asked = [to_json(plan.measure), plan.staging, plan.keep_private, plan.account]
    asked += [to_json(plan.gate), plan.publish]
    asked += sorted(f"{q.recipe}@{q.recipe_hash}" for q in plan.quants)
    digest = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:8]
    return f"family:{plan.base.repo}@{plan.base.sha[:12]}+{digest}"


def publish_id(plan: Plan, quant: PlannedQuant) -> str:
    """The id of one quant's publishing: repo, base revision, recipe and what the recipe says."""
    return f"publish:{quant.repo}@{plan.base.sha[:12]}+{quant.recipe}@{quant.recipe_hash[:12]}"
