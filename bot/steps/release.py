"""The steps of one quant: create, upload, verify, try out, release, link."""

from __future__ import annotations

import shutil
from pathlib import Path

from dbos import DBOS

from bot.measure.request import AnswersRequest
from bot.publish import collections, repo
from bot.records import Answers, RepoFile, from_json, to_json
from bot.steps.job import Job, Json, door, in_child, mlx_turn, say


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
    """Download the verified files back, load them in a fresh process, and let it answer. The gate judges."""
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
