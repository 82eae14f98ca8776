"""Everything the bot knows as JSON Lines: DBOS's runs with their steps, and the journal's tables.

Each line is an object with `type` (run, plan, repo, listing, published, event, worker) and the fields of its
record or row. The first line says what wrote it. Read in pages, so that its size is no matter. Secrets are
in none of these; what looks like one all the same is struck out.
"""

from __future__ import annotations

import importlib.metadata
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy
from dbos import DBOSClient

from bot.journal import tables
from bot.journal.database import Journal
from bot.journal.looking import looking
from bot.plan.past import runs_if_any
from bot.records import to_json
from bot.runs import WORDS
from bot.settings import Settings

FORMAT = "qx-export-1"
PAGE = 200

_TABLES = {
    "plan": tables.plan,
    "repo": tables.repo,
    "listing": tables.listing,
    "published": tables.published,
    "event": tables.event,
    "worker": tables.worker,
}
_SECRET = re.compile(rb"hf_[A-Za-z0-9]{8,}|(?<=://)[^\s/:@\"]+:[^\s/@\"]+(?=@)")
"""A Hub token; a user and password in an address."""


def lines(settings: Settings) -> Iterator[bytes]:
    """The export line by line, without the newline. Raises HostError."""
    head = {
        "type": "export",
        "format": FORMAT,
        "at": time.time(),
        "endpoint": settings.endpoint,
        "bot": importlib.metadata.version("qx-bot"),
        "journal": tables.VERSION,
    }
    yield _line(head)
    with runs_if_any(settings) as client:
        for run in runs(client) if client is not None else ():
            yield _line(run)
    with looking(settings) as opened:
        for name, table in _TABLES.items():
            for row in rows(opened, table):
                yield _line({"type": name} | row)


def runs(client: DBOSClient) -> Iterator[dict[str, Any]]:
    """Every run, the oldest first, with what it was asked for, what it came to and its steps."""
    offset = 0
    while found := client.list_workflows(limit=PAGE, offset=offset):
        for status in found:
            yield _run(client, status)
        offset += len(found)


def _run(client: DBOSClient, status: Any) -> dict[str, Any]:
    return {
        "type": "run",
        "id": status.workflow_id,
        "kind": status.name,
        "state": WORDS.get(status.status, status.status.lower()),
        "parent": status.parent_workflow_id,
        "retry_of": status.forked_from,
        "executor": status.executor_id,
        "queue": status.queue_name,
        "started": _seconds(status.created_at),
        "ended": _seconds(status.completed_at),
        "asked": list(status.input["args"]) if status.input else None,
        "result": status.output,
        "error": str(status.error) if status.error else None,
        "steps": [_step(step) for step in client.list_workflow_steps(status.workflow_id)],
    }


def _step(step: Any) -> dict[str, Any]:
    return {
        "name": step["function_name"],
        "started": _seconds(step["started_at_epoch_ms"]),
        "ended": _seconds(step["completed_at_epoch_ms"]),
        "run": step["child_workflow_id"],
        "error": str(step["error"]) if step["error"] else None,
    }


def _seconds(milliseconds: int | None) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def rows(opened: Journal, table: sqlalchemy.Table) -> Iterator[dict[str, Any]]:
    """Every row of a table, page by page in the order of its key."""
    (key,) = table.primary_key.columns
    last: Any = None
    while True:
        asked = sqlalchemy.select(table).order_by(key).limit(PAGE)
        with opened.reading() as connection:
            page = connection.execute(asked if last is None else asked.where(key > last)).mappings().all()
        if not page:
            return
        yield from (dict(row) for row in page)
        last = page[-1][key.name]


def _line(value: dict[str, Any]) -> bytes:
    return _SECRET.sub(b"[secret]", msgspec.json.encode(value, enc_hook=_plain))


def _plain(value: Any) -> Any:
    """What DBOS may hold beside JSON values: a record, or something that says what it is."""
    return to_json(value) if isinstance(value, msgspec.Struct) else str(value)
