"""The steps that make a family: fetch, quantize, measure, each in a child process."""

from __future__ import annotations

import contextlib
from pathlib import Path

from dbos import DBOS

from bot import engine
from bot.errors import HostError
from bot.fetch import FetchRequest
from bot.fleet import shares
from bot.journal.database import journal
from bot.measure.request import Measurements, MeasureRequest, ModelToMeasure
from bot.quantize import ModelFolders, QuantizeRequest
from bot.records import FamilyResult, Plan, Snapshot, from_json, to_json
from bot.space.folders import after_run
from bot.steps.job import Json, in_child, mlx_turn, settings_for, work_folder


@DBOS.step(name="fetch")
def fetch(run: str, plan_json: Json) -> Json:
    """Bring exactly the planned revision to disk."""
    plan = from_json(Plan, plan_json)
    request = FetchRequest(base=plan.base, folder=str(work_folder(plan) / "base"), endpoint=plan.endpoint)
    return to_json(in_child("bot.fetch", request, Snapshot, run))


@DBOS.step(name="quantize")
def quantize(run: str, plan_json: Json, snapshot: Json) -> Json:
    """Write a model folder for every recipe that is to be made."""
    plan = from_json(Plan, plan_json)
    request = QuantizeRequest(
        snapshot=from_json(Snapshot, snapshot),
        recipes=tuple(plan.recipe_of(q) for q in plan.to_make()),
        names=tuple(q.repo.split("/", 1)[1] for q in plan.to_make()),
        out=str(work_folder(plan) / "quants"),
        text_only=plan.text_only,
    )
    with mlx_turn(run):
        return to_json(in_child("bot.quantize", request, ModelFolders, run))


@DBOS.step(name="measure")
def measure(run: str, plan_json: Json, snapshot: Json, folders: Json) -> Json:
    """Measure the base and every quant in one process; the base answers the three chat prompts."""
    return _measured(run, from_json(Plan, plan_json), snapshot, folders)


@DBOS.step(name="measure early")
def measure_early(run: str, plan_json: Json, snapshot: Json, folders: Json) -> Json:
    """All but the tasks, which `measure` adds: what was measured once is not measured again."""
    return _measured(run, from_json(Plan, plan_json).without_tasks(), snapshot, folders)


def _measured(run: str, plan: Plan, snapshot: Json, folders: Json) -> Json:
    request = measure_request(plan, snapshot, folders)
    shares.share_out(run, plan, request)
    with mlx_turn(run):
        return to_json(in_child("bot.measure", request, Measurements, run))


def measure_request(plan: Plan, snapshot: Json, folders: Json) -> MeasureRequest:
    """The base and every quant in `folders`, measured as the plan says."""
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
    return MeasureRequest(
        models=tuple(models), settings=plan.measure, store=str(settings_for(plan).measurements)
    )


@DBOS.step(name="claim")
def claim(run_id: str) -> str:
    """Under which attempt's id this quant is published: the one under way, else a new one; that which a
    run taken over had done already. Raises NotAllowed when the Hub refuses the account."""
    return engine.claim(run_id)


@DBOS.step(name="tidy")
def tidy(plan_json: Json, result: Json) -> None:
    """Free the disk when nothing is left to do with the folders; a base that other plans wait for stays."""
    if all(o.status != "failed" for o in from_json(FamilyResult, result).outcomes):
        plan = from_json(Plan, plan_json)
        known = settings_for(plan)
        with contextlib.suppress(HostError), journal(known) as opened:  # what is left is freed later
            after_run(known, opened, plan)
