"""The whole story on one page: fetch, quantize, measure; then for each quant card, publish, link.

A family is one base revision and the quants planned of it. Its workflow makes
them; each finished quant is published by a workflow of its own, whose id names
repo, base revision and recipe, so that no two runs publish the same thing.
The steps stand in `steps`; each looks at what is done and does the rest.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from dbos import DBOS, SetWorkflowID

from bot.measure.request import Measurements, NotMeasured
from bot.quantize import ModelFolders
from bot.records import (
    FamilyResult,
    Measurement,
    Outcome,
    Plan,
    PlannedQuant,
    PublishedRepo,
    from_json,
    to_json,
)
from bot.steps import make, release
from bot.steps.job import Job, Json


@DBOS.workflow(name="family")
def family(plan_json: Json) -> Json:
    """Make every quant of the plan and publish each; one that fails does not stop its siblings."""
    plan = from_json(Plan, plan_json)
    run = DBOS.workflow_id or ""
    snapshot = make.fetch(run, plan_json)
    folders = make.quantize(run, plan_json, snapshot)
    measured = make.measure(run, plan_json, snapshot, folders)
    outcomes = [_not_measured(plan, broken) for broken in from_json(Measurements, measured).failed]
    for quant in plan.to_make():
        job = _job(run, plan, quant, folders, measured)
        if job.measurement_of(quant.recipe) is None:
            continue
        name = make.claim(publish_id(plan, quant))
        with SetWorkflowID(name):
            handle = DBOS.start_workflow(publish, to_json(job))
        outcomes.append(_outcome(handle, job))
    result = FamilyResult(
        base=plan.base.repo,
        base_sha=plan.base.sha,
        base_measurement=_base_measurement(measured),
        outcomes=tuple(outcomes),
    )
    make.tidy(plan_json, to_json(result))
    return to_json(result)


def _job(run: str, plan: Plan, quant: PlannedQuant, folders: Json, measured: Json) -> Job:
    made = from_json(ModelFolders, folders).items
    return Job(
        family=run,
        plan=plan,
        quant=quant,
        folder=next(f for f in made if f.recipe == quant.recipe),
        measured=from_json(Measurements, measured).items,
    )


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


def _outcome(handle: Any, job: Job) -> Outcome:
    measurement = job.measurement_of(job.quant.recipe)
    try:
        published = from_json(PublishedRepo, handle.get_result())
    except Exception as error:  # noqa: BLE001  whatever one quant died of, its siblings go on
        return Outcome(
            repo=job.quant.repo,
            recipe=job.quant.recipe,
            status="failed",
            measurement=measurement,
            error=str(error),
            error_kind=getattr(error, "name", None) or type(error).__name__,
        )
    return Outcome(
        repo=job.quant.repo,
        recipe=job.quant.recipe,
        status="published" if published.public else "private",
        published=published,
        measurement=measurement,
    )


@DBOS.workflow(name="publish")
def publish(job_json: Json) -> Json:
    """One quant: card, private repo, upload, verify, try out, public, linked."""
    release.write_card(job_json)
    place = release.create(job_json)
    sha = release.upload(job_json, place)
    files = release.verify(job_json, place, sha)
    release.try_out(job_json, place, sha, files)
    if from_json(Job, job_json).plan.keep_private:
        return _published(job_json, sha, len(files), public=False, slugs=[])
    sha = release.release(job_json, place, sha)
    slugs = release.link(job_json)
    return _published(job_json, sha, len(files), public=True, slugs=slugs)


def _published(job_json: Json, sha: str, verified: int, *, public: bool, slugs: list[str]) -> Json:
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
        )
    )


# ------------------------------------------------------------------ identities


def family_id(plan: Plan) -> str:
    """The id of a family's run: same base revision, recipes and settings, same run.

    What of it is published already plays no part: asked again in the middle, it is still the same run.
    """
    asked = [to_json(plan.measure), plan.staging, plan.keep_private, plan.account]
    asked += sorted(f"{q.recipe}@{q.recipe_hash}" for q in plan.quants)
    digest = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:8]
    return f"family:{plan.base.repo}@{plan.base.sha[:12]}+{digest}"


def publish_id(plan: Plan, quant: PlannedQuant) -> str:
    """The id of one quant's publishing: repo, base revision, recipe and what the recipe says."""
    return f"publish:{quant.repo}@{plan.base.sha[:12]}+{quant.recipe}@{quant.recipe_hash[:12]}"
