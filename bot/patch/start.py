"""Putting a patch into the queue."""

from __future__ import annotations

from dbos import DBOSClient, EnqueueOptions

from bot import engine
from bot.patch.patch import Patch, patch_id
from bot.records import to_json

WORKFLOW = "patch"


def start(client: DBOSClient, patch: Patch) -> tuple[str, bool]:
    """Put the patch into the queue. Returns its run id, and whether that run was there already.

    The workflow's output is `bot.patch.patch.Patched` as JSON.
    """
    run, joined = engine.next_attempt(client, patch_id(patch))
    if not joined:
        options = EnqueueOptions(
            queue_name=engine.MAC_QUEUE,
            workflow_name=WORKFLOW,
            workflow_id=run,
            app_version=engine.VERSION,
        )
        client.enqueue(options, to_json(patch))
    return run, joined
