"""Finished runs: their rows in DBOS's tables (DBOS collects no garbage by itself), and their folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator

from dbos import DBOSClient, WorkflowStatus

from bot import engine
from bot.housekeeping.files import folders_in, newest_change, removed
from bot.housekeeping.rules import DAY, Bounds, KnownRun, runs_to_forget
from bot.settings import Settings

PAGE = 1000
AT_ONCE = 200


def known_runs(client: DBOSClient) -> list[KnownRun]:
    """Every run of the database, without what it was given and gave."""
    return [
        KnownRun(
            id=run.workflow_id,
            ended=run.status not in engine.UNFINISHED,
            at=(run.completed_at or run.updated_at or run.created_at or 0) / 1000,
            parent=run.parent_workflow_id,
        )
        for page in _pages(client)
        for run in page
    ]


def _pages(client: DBOSClient) -> Iterator[list[WorkflowStatus]]:
    offset = 0
    while page := client.list_workflows(limit=PAGE, offset=offset, load_input=False, load_output=False):
        yield page
        offset += len(page)


def forget_runs(
    client: DBOSClient, settings: Settings, now: float, bounds: Bounds
) -> tuple[list[str], list[KnownRun]]:
    """Take finished runs beyond the bounds out of the database, then their folders; those gone and those
    that stay."""
    known = known_runs(client)
    gone = runs_to_forget(known, now, bounds)
    for start in range(0, len(gone), AT_ONCE):
        client.delete_workflows(gone[start : start + AT_ONCE])
    for run in gone:
        shutil.rmtree(settings.run_folder(run), ignore_errors=True)
    out = frozenset(gone)
    return gone, [run for run in known if run.id not in out]


def forget_orphans(settings: Settings, kept: Iterable[KnownRun], now: float, bounds: Bounds) -> int:
    """Folders of runs that the database does not know (another one's, or forgotten by another machine), once
    they are old; the bytes freed."""
    known = {settings.run_folder(run.id).name for run in kept}
    before = now - bounds.orphan_days * DAY
    unknown = (folder for folder in folders_in(settings.state / "runs") if folder.name not in known)
    return sum(removed(folder) for folder in unknown if newest_change(folder) < before)
