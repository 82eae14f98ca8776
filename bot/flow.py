"""The whole story on one page: fetch, quantize, measure; then for each quant card, publish, link.

A family is one base revision and the quants planned of it. Its workflow makes
them; each finished quant is published by a workflow of its own, whose id names
repo, base revision and recipe, so that no two runs publish the same thing.
Every step can be repeated: it looks at what is done and does the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import msgspec
from dbos import DBOS, SetWorkflowID
from msgspec.structs import replace

from bot import child, engine, settings
from bot.card.facts import facts
from bot.card.render import render
from bot.child import Progress
from bot.errors import Cancelled, NotFound, VerificationFailed
from bot.events import EventLog
from bot.fetch import FetchRequest
from bot.huggingface import HubDoor
from bot.measure.answers import judge
from bot.measure.request import AnswersRequest, Measurements, MeasureRequest, ModelToMeasure, NotMeasured
from bot.publish import collections, ledger, manifest, repo
from bot.publish.rivals import rivals
from bot.quantize import ModelFolders, QuantizeRequest
from bot.records import (
    Answers,
    FamilyResult,
    Measurement,
    ModelFolder,
    Outcome,
    Plan,
    PlannedQuant,
    PublishedRepo,
    Record,
    Sibling,
    Snapshot,
    from_json,
    to_json,
)  # fmt: skip
from bot.review.review import review

Json = dict[str, Any]


class Job(Record, frozen=True, kw_only=True):
    """What one publish workflow is given: the plan, which quant, its folder, and what was measured."""

    family: str
    plan: Plan
    quant: PlannedQuant
    folder: ModelFolder
    measured: tuple[Measurement, ...]

    def measurement_of(self, recipe: str | None) -> Measurement | None:
        return next((m for m in self.measured if m.recipe == recipe), None)


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


# ------------------------------------------------------------------ the family


@DBOS.workflow(name="family")
def family(plan_json: Json) -> Json:
    """Make every quant of the plan and publish each; one that fails does not stop its siblings."""
    plan = from_json(Plan, plan_json)
    run = DBOS.workflow_id or ""
    snapshot = fetch(run, plan_json)
    folders = quantize(run, plan_json, snapshot)
    measured = measure(run, plan_json, snapshot, folders)
    outcomes = [_not_measured(plan, broken) for broken in from_json(Measurements, measured).failed]
    for quant in plan.to_make():
        job = _job(run, plan, quant, folders, measured)
        if job.measurement_of(quant.recipe) is None:
            continue
        name = claim(publish_id(plan, quant))
        with SetWorkflowID(name):
            handle = DBOS.start_workflow(publish, to_json(job))
        outcomes.append(_outcome(handle, job))
    result = FamilyResult(
        base=plan.base.repo,
        base_sha=plan.base.sha,
        base_measurement=_base_measurement(measured),
        outcomes=tuple(outcomes),
    )
    tidy(plan_json, to_json(result))
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


@DBOS.step(name="fetch")
def fetch(run: str, plan_json: Json) -> Json:
    """Bring exactly the planned revision to disk."""
    plan = from_json(Plan, plan_json)
    request = FetchRequest(
        base=plan.base, folder=str(_work(plan) / "base"), endpoint=settings.from_environment().endpoint
    )
    return to_json(_in_child("bot.fetch", request, Snapshot, run))


@DBOS.step(name="quantize")
def quantize(run: str, plan_json: Json, snapshot: Json) -> Json:
    """Write a model folder for every recipe that is to be made."""
    plan = from_json(Plan, plan_json)
    request = QuantizeRequest(
        snapshot=from_json(Snapshot, snapshot),
        recipes=tuple(q.recipe for q in plan.to_make()),
        names=tuple(q.repo.split("/", 1)[1] for q in plan.to_make()),
        out=str(_work(plan) / "quants"),
    )
    with _mlx(run):
        return to_json(_in_child("bot.quantize", request, ModelFolders, run))


@DBOS.step(name="measure")
def measure(run: str, plan_json: Json, snapshot: Json, folders: Json) -> Json:
    """Measure the base and every quant in one process; the base answers the three chat prompts."""
    plan = from_json(Plan, plan_json)
    base = from_json(Snapshot, snapshot)
    made = from_json(ModelFolders, folders).items
    models = [
        ModelToMeasure(name=plan.base.repo, path=base.path, size_bytes=plan.base.weight_bytes),
        *(
            ModelToMeasure(
                name=Path(f.path).name,
                recipe=f.recipe,
                path=f.path,
                bits_per_weight=f.bits_per_weight,
                size_bytes=f.weight_bytes,
            )
            for f in made
        ),
    ]
    store = settings.from_environment().home / "measurements"
    request = MeasureRequest(models=tuple(models), settings=plan.measure, store=str(store))
    with _mlx(run):
        return to_json(_in_child("bot.measure", request, Measurements, run))


@DBOS.step(name="claim")
def claim(run_id: str) -> str:
    """Under which attempt's id this quant is published: the one under way, else a new one."""
    return engine.next_attempt(DBOS, run_id)[0]


@DBOS.step(name="tidy")
def tidy(plan_json: Json, result: Json) -> None:
    """Free the disk when nothing is left to do with the folders."""
    if all(o.status != "failed" for o in from_json(FamilyResult, result).outcomes):
        shutil.rmtree(_work(from_json(Plan, plan_json)), ignore_errors=True)


# ------------------------------------------------------------------ one quant


@DBOS.workflow(name="publish")
def publish(job_json: Json) -> Json:
    """One quant: card, private repo, upload, verify, try out, public, linked."""
    write_card(job_json)
    place = create(job_json)
    sha = upload(job_json, place)
    verify(job_json, place, sha)
    try_out(job_json, place, sha)
    if from_json(Job, job_json).plan.keep_private:
        return _published(job_json, sha, public=False, slugs=[])
    sha = release(job_json, place, sha)
    slugs = link(job_json)
    return _published(job_json, sha, public=True, slugs=slugs)


def _published(job_json: Json, sha: str, *, public: bool, slugs: list[str]) -> Json:
    job = from_json(Job, job_json)
    return to_json(
        PublishedRepo(
            repo=job.quant.repo,
            url=f"{settings.from_environment().endpoint}/{job.quant.repo}",
            sha=sha,
            public=public,
            verified=len(job.folder.files),
            recipe=job.quant.recipe,
            collections=tuple(slugs),
        )
    )


@DBOS.step(name="card")
def write_card(job_json: Json) -> None:
    """README.md and qx_manifest.json into the folder."""
    job, door = from_json(Job, job_json), _door()
    _say(job, "card", job.quant.repo)
    folder = Path(job.folder.path)
    if not folder.is_dir():
        raise NotFound(
            f"{folder.name} is no longer on this disk: run `bot publish {job.plan.base.repo}` again"
        )
    others, missing = rivals(door, job.plan.account, job.plan.compare_with)
    known = facts(
        plan=job.plan,
        quant=job.quant,
        folder=replace(job.folder, notes=(*job.folder.notes, *missing)),
        measurement=_required(job),
        base_measurement=job.measurement_of(None),
        siblings=(*_siblings(job, door), *others),
        endpoint=door.endpoint,
    )
    card = render(known, review(known), settings.from_environment().templates)
    (folder / "README.md").write_text(card.text, encoding="utf-8")
    manifest.write(folder, job.plan, job.quant, job.folder, card, _required(job), job.measurement_of(None))


def _required(job: Job) -> Measurement:
    measurement = job.measurement_of(job.quant.recipe)
    assert measurement is not None, "every quant of a family was measured"
    return measurement


def _siblings(job: Job, door: HubDoor) -> tuple[Sibling, ...]:
    """The quants made together with this one, and those of the same revision that are on the Hub already."""
    here = {
        quant.repo: Sibling(repo=quant.repo, recipe=quant.recipe, measurement=measurement)
        for quant in job.plan.quants
        if quant.repo != job.quant.repo and (measurement := job.measurement_of(quant.recipe)) is not None
    }
    for there in ledger.made_of(door, job.plan.account, job.plan.base.repo):
        known = there.manifest
        if known is None or known.measurement is None or known.base_sha != job.plan.base.sha:
            continue
        if there.repo not in (*here, job.quant.repo):
            here[there.repo] = Sibling(
                repo=there.repo, recipe=known.recipe, measurement=known.measurement, published=True
            )
    return tuple(here.values())


@DBOS.step(name="create")
def create(job_json: Json) -> Json:
    """The private repo (or the staging branch), with nothing public in it."""
    job = from_json(Job, job_json)
    _say(job, "create", job.quant.repo)
    return to_json(repo.create(_door(), job.quant.repo, job.plan.staging))


@DBOS.step(name="upload")
def upload(job_json: Json, place: Json) -> str:
    """All files in one commit."""
    job = from_json(Job, job_json)
    _say(job, "upload", job.quant.repo, total=float(job.folder.weight_bytes), unit="bytes")
    message = f"{job.quant.recipe} of {job.plan.base.repo} at {job.plan.base.sha[:12]}"
    return repo.upload(_door(), Path(job.folder.path), from_json(repo.Place, place), message)


@DBOS.step(name="verify")
def verify(job_json: Json, place: Json, sha: str) -> int:
    """File list and hashes as the Hub reports them."""
    job = from_json(Job, job_json)
    _say(job, "verify", job.quant.repo)
    return len(repo.verify(_door(), Path(job.folder.path), from_json(repo.Place, place), sha))


@DBOS.step(name="try out")
def try_out(job_json: Json, place_json: Json, sha: str) -> Json:
    """Download it back, load it in a fresh process, and let it answer as the base does."""
    job, place = from_json(Job, job_json), from_json(repo.Place, place_json)
    _say(job, "try out", job.quant.repo)
    folder = Path(job.folder.path)
    copy = folder.parent.parent / "copies" / folder.name
    shutil.rmtree(copy, ignore_errors=True)
    try:
        door = _door()
        ours = repo.verify(door, folder, place, sha)
        repo.download_back(door, place, sha, copy, ours)
        with _mlx(job.family):
            answers = _in_child("bot.measure.answers", AnswersRequest(path=str(copy)), Answers, job.family)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    base = job.measurement_of(None)
    complaints = judge(base.answers if base is not None else None, answers)
    if complaints:
        raise VerificationFailed(
            f"{job.quant.repo} stays private, it does not answer as its base does: {'; '.join(complaints)}"
        )
    return to_json(answers)


@DBOS.step(name="release")
def release(job_json: Json, place: Json, sha: str) -> str:
    """Public from here on."""
    job = from_json(Job, job_json)
    _say(job, "release", job.quant.repo)
    return repo.release(_door(), from_json(repo.Place, place), sha)


@DBOS.step(name="link")
def link(job_json: Json) -> list[str]:
    """Into its collections."""
    job, door = from_json(Job, job_json), _door()
    _say(job, "link", job.quant.repo)
    note = f"{job.quant.recipe}: {job.folder.bits_per_weight:.2f} bits per weight"
    titles = job.plan.collections
    return [collections.add(door, job.plan.account, title, job.quant.repo, note) for title in titles]


# ------------------------------------------------------------------ the edge


def _work(plan: Plan) -> Path:
    """Where this base revision's files live while its family is made."""
    name = f"{plan.base.repo.replace('/', '--')}@{plan.base.sha[:12]}"
    return settings.from_environment().home / "work" / name


def _door() -> HubDoor:
    return HubDoor(settings.from_environment())


def _say(job: Job, stage: str, what: str, total: float = 0.0, unit: str = "") -> None:
    log = EventLog(settings.from_environment().run_folder(job.family), job.family)
    log(Progress(stage=stage, what=what, total=total, unit=unit))


def _in_child(module: str, request: msgspec.Struct, result: type[Any], run: str) -> Any:
    known = settings.from_environment()
    folder = known.run_folder(run)
    return child.run(
        module,
        request,
        result,
        log=folder / "log.txt",
        environment=settings.hub_environment(known),
        on_progress=EventLog(folder, run),
        cancelled=_asked_to_stop,
    )


def _asked_to_stop() -> bool:
    status = DBOS.get_workflow_status(DBOS.workflow_id or "")
    return status is not None and status.status == "CANCELLED"


@contextlib.contextmanager
def _mlx(run: str) -> Iterator[None]:
    """One MLX process at a time on this machine: the GPU is one, and so is the memory."""
    home = settings.from_environment().home
    lock = filelock.FileLock(home / "locks" / "mlx.lock", thread_local=False)
    while True:
        try:
            lock.acquire(timeout=1.0)
            break
        except filelock.Timeout:
            if _asked_to_stop():
                raise Cancelled(f"{run} was cancelled while it waited for its turn") from None
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.release()
