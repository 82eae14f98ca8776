"""Putting a patch into the queue."""

from __future__ import annotations

from dbos import DBOSClient, EnqueueOptions

from bot import engine
from bot.fleet import dispatch
from bot.patch.patch import Patch, patch_id
from bot.plan.proposal import Need
from bot.records import to_json

WORKFLOW = "patch"


def start(client: DBOSClient, patch: Patch, priority: float = 0.0) -> tuple[str, bool]:
    """Put the patch into the queue. Returns its run id, and whether that run was there already.

    Any worker of a fleet can take it; higher `priority` first. The workflow's output is
    `bot.patch.patch.Patched` as JSON.
    """
    run, joined = engine.next_attempt(client, patch_id(patch))
    if not joined:
        options = EnqueueOptions(
            queue_name=engine.MAC_QUEUE,
            workflow_name=WORKFLOW,
            workflow_id=run,
            app_version=engine.VERSION,
            attributes=dispatch.attributes(Need(), priority),
        )
        client.enqueue(options, to_json(patch))
    return run, joined
