"""The workflow of one share: this machine fetches the base, makes the quants it needs, measures its tasks.

Fetching and quantizing are the family's own steps: where the folders are here already they find all done.
"""

from __future__ import annotations

import shutil

from dbos import DBOS

from bot.fleet import shares
from bot.fleet.queues import machine_of
from bot.fleet.split import Share, plan_of
from bot.quantize import ModelFolders
from bot.records import Plan, from_json, to_json
from bot.steps import make
from bot.steps.job import Json, mlx_turn, settings_for, work_folder


@DBOS.workflow(name=shares.NAME)
def share(asked_by: str, plan_json: Json, share_json: Json) -> Json:
    """Measure the share of the plan's family for the machine `asked_by`; the files of what was measured."""
    run = DBOS.workflow_id or ""
    wanted = from_json(Share, share_json)
    mine = to_json(plan_of(from_json(Plan, plan_json), wanted))
    snapshot = make.fetch(run, mine)
    folders = make.quantize(run, mine, snapshot) if wanted.recipes else to_json(ModelFolders(items=()))
    return measure(run, asked_by, mine, share_json, snapshot, folders)


@DBOS.step(name="measure share")
def measure(
    run: str, asked_by: str, plan_json: Json, share_json: Json, snapshot: Json, folders: Json
) -> Json:
    """What was measured, as files of the store. The folders go, unless a family of that base is here."""
    plan = from_json(Plan, plan_json)
    request = make.measure_request(plan, snapshot, folders)
    with mlx_turn(run):
        files = shares.measure_share(run, request, from_json(Share, share_json))
    found = shares.packed(settings_for(plan).measurements, files)
    if asked_by != machine_of(DBOS.executor_id) and not _family_is_here(plan):
        shutil.rmtree(work_folder(plan), ignore_errors=True)
    return found


def _family_is_here(plan: Plan) -> bool:
    """Whether a family of this base is under way on this machine: the folders are its own."""
    prefix = f"family:{plan.base.repo}@"
    runs = DBOS.list_workflows(workflow_id_prefix=prefix, status="PENDING", load_input=False)
    return any(machine_of(run.executor_id or "") == machine_of(DBOS.executor_id) for run in runs)
