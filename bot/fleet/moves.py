"""Moving a run from one queue to another, only as long as it is what it was when that was decided.

DBOS's own `resume_workflow` would take up a run again that somebody cancelled in between, so the row is
changed here, under its condition, with the values of DBOS's `reenqueue_for_recovery` (dbos is pinned).
"""

from __future__ import annotations

from dbos import DBOSClient


def to_queue(client: DBOSClient, run: str, queue: str, *, was: str, of: str | None) -> bool:
    """Put a run into `queue`; False when it is no longer in the status `was` (PENDING or ENQUEUED) of the
    executor (PENDING) or queue (ENQUEUED) `of`."""
    database = client._sys_db
    runs = database.tables.workflow_status
    owner = runs.c.executor_id if was == "PENDING" else runs.c.queue_name
    change = (
        runs.update()
        .where(runs.c.workflow_uuid == run, runs.c.status == was, owner == of)
        .values(
            status="ENQUEUED",
            queue_name=queue,
            owner_xid=None,
            started_at_epoch_ms=None,
            updated_at=database._now_ms_sql(),
        )
    )
    with database.engine.begin() as connection:
        return bool(connection.execute(change).rowcount)
