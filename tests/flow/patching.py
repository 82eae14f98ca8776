"""A process that patches: what the daemon does with a change that the watch reports, to start and to kill.

    python -m tests.flow.patching KIND REPO ACCOUNT BEFORE

BEFORE is the commit that was taken up last. Prints what came of it (`Patched` as JSON); what a run died of is
told in a sentence, with the exit code of its class.
"""

from __future__ import annotations

import sys

import msgspec

from bot import settings
from bot.errors import BotError


def main(kind: str, repo: str, account: str, before: str) -> None:
    known = settings.from_environment()
    settings.apply(known)

    from bot import engine, runs
    from bot.huggingface import HubDoor
    from bot.patch.plan import plan_patch
    from bot.patch.start import start
    from bot.records import BaseRevision, Change

    door = HubDoor(known)
    there = kind != "gone"
    was = door.base_revision(repo, before) if there else BaseRevision(repo=repo, sha=before)
    now = door.base_revision(repo) if there else None
    change = msgspec.convert({"repo": repo, "sha": now.sha if now else before, "kind": kind}, Change)
    with runs.Host(known) as host, engine.client(known) as client:
        run, _ = start(client, plan_patch(door, known, change, was, now, account))
        sys.stdout.write(msgspec.json.encode(runs.wait_ended(host, client, run)).decode())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BotError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_code)
