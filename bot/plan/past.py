"""What past runs took, read from DBOS's record of their steps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy
from dbos import DBOSClient

from bot import engine
from bot.errors import NotFound
from bot.plan.estimate import PastRun, Stage, work_of
from bot.records import Plan, from_json
from bot.settings import Settings

READ = 20
"""Runs that are looked at, the newest; each costs some reads of the database."""

_STAGES: Mapping[str, Stage] = {
    "fetch": "fetch", "quantize": "quantize", "measure": "measure", "measure early": "measure",
}  # fmt: skip


_RUNS = "workflow_status"
_SCHEMA = "dbos"


@contextlib.contextmanager
def runs_if_any(settings: Settings) -> Iterator[DBOSClient | None]:
    """A client of DBOS's runs; None where none ever ran, also where only the journal is there yet.

    Raises HostError.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(engine.client(settings))
        except NotFound:
            yield None
            return
        yield found if _has_runs(found) else None


def _has_runs(found: DBOSClient) -> bool:
    seen = sqlalchemy.inspect(found._sys_db.engine)
    schema = None if seen.dialect.name == "sqlite" else _SCHEMA
    return seen.has_table(_RUNS, schema=schema)


def machine_of(settings: Settings) -> str:
    """This machine, as the ids of its executors begin."""
    return engine.executor_id(settings, "").split("-", 1)[0]


def past_runs(client: DBOSClient, limit: int = READ) -> tuple[PastRun, ...]:
    """The newest family runs that went well, of every machine. Read once for many plans."""
    found = client.list_workflows(
        name="family", status="SUCCESS", sort_desc=True, limit=limit, load_output=False
    )
    return tuple(run for status in found if (run := _past(client, status)) is not None)


def _past(client: DBOSClient, status: Any) -> PastRun | None:
    if status.input is None or not status.executor_id:
        return None
    plan = from_json(Plan, status.input["args"][0])
    steps = client.list_workflow_steps(status.workflow_id)
    seconds = _by_stage((step["function_name"], step) for step in steps)
    published = [step["child_workflow_id"] for step in steps if _starts_publish(step)]
    for child in filter(None, published):
        for step in client.list_workflow_steps(child):
            seconds["publish"] = seconds.get("publish", 0.0) + _took(step)
    return PastRun(
        repo=plan.base.repo,
        machine=status.executor_id.split("-", 1)[0],
        work=work_of(plan),
        seconds=seconds,
    )


def _starts_publish(step: Any) -> bool:
    child = step["child_workflow_id"]
    return bool(child) and child.startswith("publish:") and not step["function_name"].startswith("DBOS.")


def _by_stage(steps: Iterable[tuple[str, Any]]) -> dict[Stage, float]:
    seconds: dict[Stage, float] = {}
    for name, step in steps:
        stage = _STAGES.get(name)
        if stage is not None:
            seconds[stage] = seconds.get(stage, 0.0) + _took(step)
    return seconds


def _took(step: Any) -> float:
    """Seconds of one step; a step that waited for another run (`DBOS.getResult`) took none itself."""
    start, end = step["started_at_epoch_ms"], step["completed_at_epoch_ms"]
    own = not step["function_name"].startswith("DBOS.")
    return max(0.0, (end - start) / 1000) if own and start and end else 0.0
