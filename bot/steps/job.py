"""What steps share: the job of one quant, the work folder, child processes, and one MLX process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from dbos import DBOS

from bot import child, settings, turn
from bot.child import Progress
from bot.errors import Cancelled, ConfigError
from bot.events import EventLog
from bot.huggingface import HubDoor
from bot.records import Measurement, ModelFolder, Plan, PlannedQuant, Record
from bot.settings import Settings

Json = dict[str, Any]
"""A record as DBOS keeps it (`to_json`)."""


class Job(Record, frozen=True, kw_only=True):
    """What one publish workflow is given: the plan, which quant, its folder, and what was measured.

    `measuring`: the tasks are not measured yet. `broken` says why they could not be measured.
    """

    family: str
    plan: Plan
    quant: PlannedQuant
    folder: ModelFolder
    measured: tuple[Measurement, ...]
    measuring: bool = False
    broken: str = ""

    def measurement_of(self, recipe: str | None) -> Measurement | None:
        return next((m for m in self.measured if m.recipe == recipe), None)


def settings_for(plan: Plan) -> Settings:
    """This process's settings. Raises ConfigError when it talks to another Hub than the plan was made for."""
    known = settings.from_environment()
    if known.endpoint != plan.endpoint:
        raise ConfigError(
            f"this run is for {plan.endpoint}, and this process talks to {known.endpoint}: set HF_ENDPOINT, "
            "then `bot retry`"
        )
    return known


def work_folder(plan: Plan) -> Path:
    """Where this base revision's files live while its family is made."""
    name = f"{plan.base.repo.replace('/', '--')}@{plan.base.sha[:12]}"
    return settings_for(plan).state / "work" / name


def door(plan: Plan) -> HubDoor:
    return HubDoor(settings_for(plan))


def say(job: Job, stage: str, what: str, total: float = 0.0, unit: str = "") -> None:
    log = EventLog(settings.from_environment().run_folder(job.family), job.family)
    log(Progress(stage=stage, what=what, total=total, unit=unit))


def in_child(module: str, request: msgspec.Struct, result: type[Any], run: str) -> Any:
    known = settings.from_environment()
    folder = known.run_folder(run)
    return child.run(
        module,
        request,
        result,
        log=folder / "log.txt",
        environment=settings.hub_environment(known),
        on_progress=EventLog(folder, run),
        cancelled=asked_to_stop,
    )


def asked_to_stop() -> bool:
    status = DBOS.get_workflow_status(DBOS.workflow_id or "")
    return status is not None and status.status == "CANCELLED"


@contextlib.contextmanager
def mlx_turn(run: str) -> Iterator[None]:
    """This machine's turn at MLX, for a step of `run`. Raises Cancelled where the run is, while it waits."""

    def stop_if_asked() -> None:
        if asked_to_stop():
            raise Cancelled(f"{run} was cancelled while it waited for its turn")

    with turn.mlx_turn(settings.from_environment().home, stop_if_asked):
        yield
