"""The steps of one quant: card, create, upload, verify, try out, release, link."""

from __future__ import annotations

import shutil
from pathlib import Path

from dbos import DBOS
from msgspec.structs import replace

from bot import settings
from bot.card.facts import CardFacts, facts
from bot.card.render import render
from bot.errors import NotFound, VerificationFailed
from bot.huggingface import HubDoor
from bot.measure.request import AnswersRequest
from bot.measure.results import Outcomes
from bot.measure.verdict import judge
from bot.publish import collections, ledger, manifest, outcomes, repo
from bot.publish.rivals import rivals
from bot.records import Answers, Measurement, RepoFile, Sibling, from_json, to_json
from bot.review.review import review
from bot.steps.job import Job, Json, door, in_child, mlx_turn, say, settings_for


@DBOS.step(name="card")
def write_card(job_json: Json) -> None:
    """README.md, the outcomes of every question and qx_manifest.json into the folder."""
    job = from_json(Job, job_json)
    hub = door(job.plan)
    say(job, "card", job.quant.repo)
    folder = Path(job.folder.path)
    if not folder.is_dir():
        raise NotFound(
            f"{folder.name} is no longer on this disk: run `bot publish {job.plan.base.repo}` again"
        )
    others, missing = rivals(hub, job.plan.account, job.plan.compare_with)
    known = facts(
        plan=job.plan,
        quant=job.quant,
        folder=replace(job.folder, notes=(*job.folder.notes, *missing)),
        measurement=_required(job),
        base_measurement=job.measurement_of(None),
        siblings=(*_siblings(job, hub), *others),
        endpoint=hub.endpoint,
    )
    store = settings_for(job.plan).measurements
    card = render(known, review(known, _outcomes(known, hub, store)), settings.from_environment().templates)
    (folder / "README.md").write_text(card.text, encoding="utf-8")
    mine, base = outcomes.keep(folder, store, _required(job), job.measurement_of(None))
    manifest.write(folder, job.plan, job.quant, job.folder, card, mine, base)


def _outcomes(known: CardFacts, hub: HubDoor, store: Path) -> dict[str, Outcomes]:
    """By repo: what was measured here from the store, what is on the Hub already from its repo."""
    here = outcomes.below(store)
    found = {
        sibling.repo: outcomes.outcomes(
            sibling.measurement, outcomes.on_hub(hub, sibling.repo) if sibling.published else here
        )
        for sibling in known.siblings
    }
    found[known.repo] = outcomes.outcomes(known.measurement, here)
    if known.base_measurement is not None:
        found[known.base.repo] = outcomes.outcomes(known.base_measurement, here)
    return found


def _required(job: Job) -> Measurement:
    measurement = job.measurement_of(job.quant.recipe)
    assert measurement is not None, "every quant of a family was measured"
    return measurement


def _siblings(job: Job, hub: HubDoor) -> tuple[Sibling, ...]:
    """The quants made together with this one, and those of the same revision that are on the Hub already."""
    here = {
        quant.repo: Sibling(repo=quant.repo, recipe=quant.recipe, measurement=measurement)
        for quant in job.plan.quants
        if quant.repo != job.quant.repo and (measurement := job.measurement_of(quant.recipe)) is not None
    }
    for there in ledger.made_of(hub, job.plan.account, job.plan.base.repo):
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
    say(job, "create", job.quant.repo)
    return to_json(repo.create(door(job.plan), job.quant.repo, job.plan.staging))


@DBOS.step(name="upload")
def upload(job_json: Json, place: Json) -> str:
    """All files in one commit."""
    job = from_json(Job, job_json)
    say(job, "upload", job.quant.repo, total=float(job.folder.weight_bytes), unit="bytes")
    message = f"{job.quant.recipe} of {job.plan.base.repo} at {job.plan.base.sha[:12]}"
    return repo.upload(door(job.plan), Path(job.folder.path), from_json(repo.Place, place), message)


@DBOS.step(name="verify")
def verify(job_json: Json, place: Json, sha: str) -> list[Json]:
    """File list and hashes as the Hub reports them. Returns the verified files."""
    job = from_json(Job, job_json)
    say(job, "verify", job.quant.repo)
    files = repo.verify(door(job.plan), Path(job.folder.path), from_json(repo.Place, place), sha)
    return [to_json(file) for file in files]


@DBOS.step(name="try out")
def try_out(job_json: Json, place_json: Json, sha: str, files: list[Json]) -> Json:
    """Download the verified files back, load them in a fresh process, and let it answer as the base does."""
    job, place = from_json(Job, job_json), from_json(repo.Place, place_json)
    say(job, "try out", job.quant.repo)
    folder = Path(job.folder.path)
    copy = folder.parent.parent / "copies" / folder.name
    shutil.rmtree(copy, ignore_errors=True)
    try:
        repo.download_back(door(job.plan), place, sha, copy, [from_json(RepoFile, file) for file in files])
        with mlx_turn(job.family):
            answers = in_child("bot.measure.answers", AnswersRequest(path=str(copy)), Answers, job.family)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    base = job.measurement_of(None)
    complaints = judge(base.answers if base is not None else None, answers)
    if complaints:
        raise VerificationFailed(
            f"{job.quant.repo} is not released, it does not answer as its base does: {'; '.join(complaints)}"
        )
    return to_json(answers)


@DBOS.step(name="release")
def release(job_json: Json, place: Json, sha: str) -> str:
    """Public from here on."""
    job = from_json(Job, job_json)
    say(job, "release", job.quant.repo)
    return repo.release(door(job.plan), from_json(repo.Place, place), sha)


@DBOS.step(name="link")
def link(job_json: Json) -> list[str]:
    """Into its collections."""
    job = from_json(Job, job_json)
    hub = door(job.plan)
    say(job, "link", job.quant.repo)
    note = f"{job.quant.recipe}: {job.folder.bits_per_weight:.2f} bits per weight"
    titles = job.plan.collections
    return [collections.add(hub, job.plan.account, title, job.quant.repo, note) for title in titles]
