"""Asking other machines for shares of a long measurement, and taking what they measured into the store here.

All inside one step of the family: correctness never depends on it. A share whose machine dies is not waited
for, and what is missing in the end the family measures itself. Killed and repeated, the step joins the shares
it had asked for.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
from dbos import DBOS, DBOSClient, EnqueueOptions
from msgspec.structs import replace

from bot import engine
from bot.errors import Cancelled
from bot.fleet import dispatch, locks, takeover
from bot.fleet.keeper import PLACER, number_told
from bot.fleet.placement import fits
from bot.fleet.queues import MAC_QUEUE, machine_of, worker_queue
from bot.fleet.split import LONG_FROM, Share, only_tasks, rest, split
from bot.journal import workers
from bot.journal.database import journal
from bot.measure.request import Measurements, MeasureRequest
from bot.plan.proposal import Need
from bot.records import Plan, from_json, to_json
from bot.settings import Settings
from bot.steps.job import Json, asked_to_stop, in_child, mlx_turn, settings_for

NAME = "share"
"""The workflow's name (`share_workflow.py`)."""
POLL = 1.0
LONG_VARIABLE = "BOT_SPLIT_FROM"
"""Bytes, in the environment: another LONG_FROM."""
_PLACE = re.compile(r"[0-9a-f]{8,64}/[\w.-]{1,200}\.(json|outcomes\.gz)")


def share_out(run: str, plan: Plan, request: MeasureRequest) -> None:
    """Where the measurement is long and other machines are free: have shares measured there, measure one
    here, and keep the results of all in the store. Raises Cancelled, and what measuring raises."""
    known = settings_for(plan)
    if not known.database_url or not request.settings.tasks or plan.base.weight_bytes < _long_from():
        return
    with engine.client(known) as client:
        asked = _asked_before(client, run) or _ask_now(known, client, run, plan, request)
        if not asked:
            return
        own = rest([model.recipe for model in request.models], request.settings.tasks, tuple(asked.values()))
        try:
            with mlx_turn(run):
                measure_share(run, request, own)
            _collect(client, list(asked), Path(request.store))
        except Exception:  # cancelled, or broken here: nobody takes what the others would still measure
            client.cancel_workflows(list(asked))
            raise


def measure_share(run: str, request: MeasureRequest, share: Share) -> list[str]:
    """Measure a share here, into the store. Returns the finished files, relative to the store."""
    files: list[str] = []
    for work in share.work:
        only = replace(
            request,
            models=tuple(model for model in request.models if model.recipe == work.recipe),
            settings=only_tasks(request.settings, work.tasks),
        )
        found: Measurements = in_child("bot.measure", only, Measurements, run)
        for measurement in found.items:
            for score in (*measurement.tasks, *measurement.tasks_without_template):
                if score.outcomes is not None:
                    files += [score.outcomes, score.outcomes.removesuffix(".outcomes.gz") + ".json"]
    return files


def packed(store: Path, files: Sequence[str]) -> Json:
    """Files of the store as JSON."""
    return {name: base64.b64encode((store / name).read_bytes()).decode() for name in files}


def keep(store: Path, files: Mapping[str, str]) -> int:
    """Put what another machine measured into the store; what is there already stays. Returns how many files.

    A name that is none of the store's is left out.
    """
    kept = 0
    for name, data in sorted(files.items()):
        path = store / name
        if not _PLACE.fullmatch(name) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(base64.b64decode(data))
        draft.replace(path)
        kept += 1
    return kept


def _long_from() -> float:
    return number_told(LONG_VARIABLE, LONG_FROM, "a number of bytes, such as 20000000000")


def _asked_before(client: DBOSClient, run: str) -> dict[str, Share]:
    """The shares of this family that were asked for when this step ran before and did not end."""
    found = client.list_workflows(workflow_id_prefix=f"{NAME}:{run}:", load_output=False)
    return {one.workflow_id: from_json(Share, one.input["args"][2]) for one in found if one.input is not None}


def _ask_now(
    known: Settings, client: DBOSClient, run: str, plan: Plan, request: MeasureRequest
) -> dict[str, Share]:
    """Give free workers of other machines a share each, as the one who places: none gets two runs. Nobody is
    asked where another process places for long (frozen, say): the family measures alone then."""
    asked: dict[str, Share] = {}
    with contextlib.suppress(filelock.Timeout), contextlib.closing(locks.open_locks(known)) as looking:
        looking.hold(PLACER, 30.0)
        runs = dispatch.unfinished(client)
        helpers = _free_elsewhere(known, runs, looking, run)
        _, *others = split([model.recipe for model in request.models], request.settings, len(helpers) + 1)
        for number, (helper, share) in enumerate(zip(helpers, others, strict=False), 1):
            name = f"{NAME}:{run}:{number}"
            options = EnqueueOptions(
                queue_name=worker_queue(helper),
                workflow_name=NAME,
                workflow_id=name,
                app_version=engine.VERSION,
                attributes={takeover.NO_FORK: True},
            )
            client.enqueue(options, machine_of(DBOS.executor_id), to_json(plan), to_json(share))
            asked[name] = share
    return asked


def _free_elsewhere(known: Settings, runs: list[Any], looking: locks.Locks, run: str) -> list[str]:
    """A free worker of each other machine that has one which fits the family."""
    need = next((dispatch.need_of(one) for one in runs if one.workflow_id == run), Need())
    with journal(known) as opened:
        listed, _ = workers.listed(opened)
    alive = looking.held({one.executor for one in listed})
    free = {
        machine_of(seat.executor): seat.executor
        for seat in dispatch.seats(listed, alive, runs, engine.VERSION)
        if not seat.busy and fits(need, seat)
    }
    free.pop(machine_of(DBOS.executor_id), None)
    return sorted(free.values())


def _collect(client: DBOSClient, asked: Sequence[str], store: Path) -> None:
    """Wait for the shares, keep what came; one that is back in the common queue lost its machine."""
    open_ = set(asked)
    while open_:
        for status in client.list_workflows(workflow_ids=sorted(open_), load_input=False):
            if status.status == "ENQUEUED" and status.queue_name == MAC_QUEUE:
                client.cancel_workflow(status.workflow_id)
            if status.status == "SUCCESS":
                keep(store, status.output or {})
            if status.status not in engine.UNFINISHED:
                open_.discard(status.workflow_id)
        if open_ and asked_to_stop():
            raise Cancelled("cancelled while other machines measured their shares")
        if open_:
            time.sleep(POLL)
