"""Everything the page knows, read from the journal, the engine and the runs' folders. The only part that
reads; what comes of it is put together by `overview`, purely.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy
from dbos import DBOSClient

from bot import engine, runs
from bot.errors import NotFound
from bot.events import follow
from bot.fleet.commands import told
from bot.journal import tables
from bot.journal.database import Journal
from bot.patch.patch import Patched
from bot.plan.proposal import Proposal
from bot.records import FamilyResult, Plan, Record, from_json
from bot.runs import Run
from bot.settings import Settings
from bot.web.progress import Way, gone
from bot.web.published_views import family_view
from bot.web.views import FamilyView, PatchedView

RUNS = 150
"""The newest runs that are looked at; older ones are `bot history`'s."""

LOG_TAIL = 32_000
"""Bytes of a run's log that its page shows."""

_INTERNAL = ("<temp>", "_dbos")
"""How the names of DBOS's own workflows begin."""


class KnownRun(Record, frozen=True, kw_only=True):
    """A run, and what else its page and its line need. `plan` only while it is unfinished."""

    run: Run
    parent: str | None = None
    plan: Plan | None = None
    family: FamilyView | None = None
    patched: tuple[PatchedView, ...] = ()


class Reader:
    """Reads for the page. Finished runs are read once. Its methods may be called from several threads.

    All raise HostError when the database is out of reach.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self.settings, self.journal = settings, journal
        self._stack = contextlib.ExitStack()
        self._client: DBOSClient | None = None
        self._known: dict[str, tuple[tuple[Any, ...], KnownRun]] = {}
        self._ways: dict[str, tuple[int, Way | None]] = {}
        self._lock = threading.RLock()

    def close(self) -> None:
        self._stack.close()

    def client(self) -> DBOSClient | None:
        """The engine's client; None as long as nothing ever ran here."""
        with self._lock:
            if self._client is None:
                with contextlib.suppress(NotFound):
                    self._client = self._stack.enter_context(engine.client(self.settings))
            return self._client

    # -------------------------------------------------------- runs

    def paused(self) -> bool:
        client = self.client()
        with told():
            return client is not None and engine.is_paused(client)

    def runs(self) -> list[KnownRun]:
        """The newest runs and all unfinished ones, the newest first."""
        client = self.client()
        if client is None:
            return []
        with self._lock, told():
            found = {status.workflow_id: status for status in _statuses(client)}
            stale = [run for run, status in found.items() if self._is_news(run, status)]
            for status in client.list_workflows(workflow_ids=stale, load_input=False) if stale else ():
                self._known[status.workflow_id] = (_stamp(found[status.workflow_id]), self._read(status))
            self._known = {run: known for run, known in self._known.items() if run in found}
            self._ways = {run: way for run, way in self._ways.items() if run in found}
            newest = sorted(found.values(), key=lambda status: status.created_at or 0, reverse=True)
            return [
                self._known[status.workflow_id][1] for status in newest if status.workflow_id in self._known
            ]

    def _is_news(self, run: str, status: Any) -> bool:
        """Steps of a run under way are looked at each time, one that is over once."""
        known = self._known.get(run)
        return known is None or status.status == "PENDING" or known[0] != _stamp(status)

    def _read(self, status: Any) -> KnownRun:
        client = self.client()
        assert client is not None, "there is a run"
        found = _described(client, status)
        before = self._known.get(found.id)
        return KnownRun(
            run=found,
            parent=status.parent_workflow_id,
            plan=(before[1].plan if before else None) or self._plan(client, status),
            family=self._family(found, status),
            patched=_patched(status),
        )

    def _plan(self, client: DBOSClient, status: Any) -> Plan | None:
        """What an unfinished family was asked for."""
        if status.name != "family" or status.status not in engine.UNFINISHED:
            return None
        asked = client.list_workflows(workflow_ids=[status.workflow_id], load_output=False)
        given = asked[0].input if asked else None
        with contextlib.suppress(msgspec.ValidationError, KeyError, IndexError):
            return from_json(Plan, given["args"][0]) if given is not None else None
        return None

    def _family(self, run: Run, status: Any) -> FamilyView | None:
        if status.name != "family" or status.status != "SUCCESS":
            return None
        with contextlib.suppress(msgspec.ValidationError):
            result = from_json(FamilyResult, status.output)
            return family_view(run.id, result, run.ended or run.started, self.settings.endpoint)
        return None

    def run(self, id_: str) -> KnownRun | None:
        """One run, however old."""
        client = self.client()
        if client is None:
            return None
        with self._lock, told():
            found = client.list_workflows(workflow_ids=[id_], load_input=False)
            return self._read(found[0]) if found else None

    def children(self, id_: str) -> list[KnownRun]:
        """The runs that a run started, in the order in which it did."""
        client = self.client()
        if client is None:
            return []
        with self._lock, told():
            found = client.list_workflows(parent_workflow_id=id_, load_input=False)
            return [self._read(status) for status in found if not status.name.startswith(_INTERNAL)]

    def way(self, run: str) -> Way | None:
        """How far the run's step is, from the lines it wrote since the last look."""
        path = self.settings.run_folder(run) / "events.jsonl"
        with self._lock, contextlib.suppress(msgspec.DecodeError, OSError):
            read, way = self._ways.get(run, (0, None))
            if path.is_file() and path.stat().st_size < read:
                read, way = 0, None  # another file: somebody tidied up
            for event, end in follow(path, read):
                read, way = end, gone(way, event)
            self._ways[run] = (read, way)
        return self._ways.get(run, (0, None))[1]

    def log_tail(self, run: str) -> str:
        """The end of the log of the run's child processes; empty where there is none."""
        return _tail(self.settings.run_folder(run) / "log.txt")

    # -------------------------------------------------------- journal

    def rows(self, asked: sqlalchemy.Executable) -> list[dict[str, Any]]:
        """The journal's rows for a question."""
        with self.journal.reading() as connection:
            return [dict(row) for row in connection.execute(asked).mappings()]

    def plans(self, state: str, limit: int = 100) -> list[Proposal]:
        """The proposals in this state, the oldest first."""
        asked = sqlalchemy.select(tables.plan.c.proposal).where(tables.plan.c.state == state)
        rows = self.rows(asked.order_by(tables.plan.c.created_at).limit(limit))
        return [found for row in rows if (found := _proposal(row["proposal"])) is not None]

    def expected(self) -> dict[str, float]:
        """By run, how many seconds its plan was estimated to take."""
        started = tables.plan.c.state == "started"
        asked = sqlalchemy.select(tables.plan.c.run, tables.plan.c.proposal).where(started)
        found = {row["run"]: _proposal(row["proposal"]) for row in self.rows(asked.limit(100)) if row["run"]}
        return {run: p.estimate.seconds for run, p in found.items() if p and p.estimate.seconds}


def _statuses(client: DBOSClient) -> list[Any]:
    newest = client.list_workflows(sort_desc=True, limit=RUNS, load_input=False, load_output=False)
    open_ = client.list_workflows(status=list(engine.UNFINISHED), load_input=False, load_output=False)
    return [status for status in (*newest, *open_) if not status.name.startswith(_INTERNAL)]


def _described(client: DBOSClient, status: Any) -> Run:
    """The run. Only results of families and publishes say something of the gate; a newer bot's may not."""
    if status.name in ("family", "publish"):
        with contextlib.suppress(msgspec.ValidationError):
            return runs.describe(client, status)
    bare = copy.copy(status)
    bare.output = None
    return runs.describe(client, bare)


def _stamp(status: Any) -> tuple[Any, ...]:
    return (status.status, status.updated_at, status.executor_id)


def _patched(status: Any) -> tuple[PatchedView, ...]:
    """What became of each quant, in a patch that is over."""
    if status.name != "patch" or status.status != "SUCCESS":
        return ()
    with contextlib.suppress(msgspec.ValidationError):
        done = from_json(Patched, status.output)
        return tuple(
            PatchedView(repo=one.repo, status=one.status, said=one.error or one.note) for one in done.repos
        )
    return ()


def _proposal(data: Any) -> Proposal | None:
    """A proposal as it was written; None for one that a newer bot wrote otherwise."""
    with contextlib.suppress(msgspec.ValidationError):
        return from_json(Proposal, data)
    return None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(0, size - LOG_TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text.split("\n", 1)[-1] if size > LOG_TAIL else text
