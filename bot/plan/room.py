"""What there is to start with, looked up: disk, hours worked today, what the account holds on the Hub."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import tzlocal
from dbos import DBOSClient

from bot.errors import BotError
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.plan.budget import Room, Storage
from bot.plan.clock import day_start
from bot.plan.past import machine_of
from bot.settings import Settings
from bot.watch.budget import Budget


def machine_zone() -> tzinfo:
    """The machine's own time zone."""
    return tzlocal.get_localzone()


def look(
    settings: Settings,
    client: DBOSClient | None,
    budget: Budget,
    now: datetime,
    *,
    storage: Mapping[str, Storage] | None = None,
    closed: Mapping[str, str] | None = None,
    memory: int | None = None,
    slots: int | None = None,
) -> Room:
    """The room on this machine at `now` (in the budget's zone). What costs and no rule asks is not looked up.

    `storage` from `storage_of`, which asks the Hub; `closed`, `memory` and `slots` are the fleet's to say.
    Raises HostError.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    asked = budget.hours_a_day is not None and client is not None
    return Room(
        disk_used=used(settings.state / "work"),
        disk_free=shutil.disk_usage(settings.home).free,
        worked=worked(settings, client, now) if asked and client is not None else 0.0,
        memory=memory,
        storage=storage or {},
        closed=closed or {},
        slots=slots,
    )


def used(folder: Path) -> int:
    """Bytes of the files below `folder`; a file that goes meanwhile counts nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(root) / name).lstat().st_size
    return total


def storage_of(door: HubDoor, account: str) -> Storage:
    """What the account's models hold on the Hub, private and public. One listing.

    Raises what the Hub's errors translate to.
    """

    def asked() -> Storage:
        private = public = 0
        for model in door.api.list_models(author=account, expand=["private", "usedStorage"]):
            size = model.used_storage or 0
            private, public = (private + size, public) if model.private else (private, public + size)
        return Storage(private=private, public=public)

    return patiently(asked, f"the listing of {account}", attempts=4)


def storages(door: HubDoor, budget: Budget, accounts: Iterable[str]) -> dict[str, Storage]:
    """`storage_of` for each account, where the budget limits it; one that cannot be read is left out."""
    found: dict[str, Storage] = {}
    if budget.private_storage is None and budget.public_storage is None:
        return found
    for account in {name for name in accounts if name}:
        try:
            found[account] = storage_of(door, account)
        except BotError:  # publishing says what is wrong; this is only the look ahead
            continue
    return found


# ------------------------------------------------------------------ hours


def worked(settings: Settings, client: DBOSClient, now: datetime) -> float:
    """Seconds of the local day of `now` in which a step of a run was at work on this machine."""
    start, end = day_start(now).timestamp(), now.timestamp()
    machine = machine_of(settings)
    spans: list[tuple[float, float]] = []
    for run in _since(client, day_start(now)):
        if (run.executor_id or "").split("-", 1)[0] == machine:
            spans += _spans(client, run, end)
    return busy(spans, start, end)


def _since(client: DBOSClient, start: datetime) -> list[Any]:
    """Families and publishes that are at work, or ended after `start`."""
    asked = partial(client.list_workflows, name=["family", "publish"], load_input=False, load_output=False)
    ended = asked(completed_after=start.astimezone(UTC).isoformat())
    return [*ended, *asked(status="PENDING")]


def _spans(client: DBOSClient, run: Any, now: float) -> list[tuple[float, float]]:
    """When the run's steps began and ended; of one that is at work, also from its last step to `now`."""
    steps = [
        (step["started_at_epoch_ms"] / 1000, step["completed_at_epoch_ms"] / 1000)
        for step in client.list_workflow_steps(run.workflow_id)
        if step["started_at_epoch_ms"] and step["completed_at_epoch_ms"]
    ]
    if run.status != "PENDING":
        return steps
    began = (run.dequeued_at or run.created_at or 0) / 1000
    return [*steps, (max([began, *(end for _, end in steps)]), now)]


def busy(spans: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Seconds between `start` and `end` that at least one of the spans covers."""
    total, reached = 0.0, start
    for first, last in sorted(spans):
        first, last = max(first, reached), min(last, end)
        if last > first:
            total += last - first
            reached = last
    return total
