"""The first page, put together from what was read."""

from __future__ import annotations

from collections.abc import Sequence

from bot import engine
from bot.web.journal_views import out_since, read_events, read_watch, read_workers
from bot.web.plan_views import plan_view
from bot.web.published_views import newest_families
from bot.web.reading import KnownRun, Reader
from bot.web.run_views import ENDED_BADLY, open_failures, run_view, step_views, stopped_views
from bot.web.views import Overview, Pulse, RunPage, RunView, WorkerView

FAMILIES, FAILURES, STOPPED, EVENTS = 12, 30, 50, 25
"""How many of each the first page shows; the rest has pages of its own."""


def overview(reader: Reader, pulse: Pulse) -> Overview:
    """Everything the first page shows. Raises HostError when the database is out of reach."""
    workers, expected = read_workers(reader), reader.expected()  # first: the engine waits long for a database
    known = reader.runs()
    runs = [one.run for one in known]
    shown = [one for one in known if one.parent is None]
    stopped = {repo for run in runs for repo in run.stopped}
    return Overview(
        account=reader.settings.account or "",
        paused=reader.paused(),
        watch=read_watch(reader, pulse),
        plans=tuple(plan_view(proposal) for proposal in reader.plans("waiting")),
        approved=tuple(plan_view(proposal) for proposal in reader.plans("approved")),
        running=tuple(
            _line(reader, one, workers, expected.get(one.run.id))
            for one in shown
            if one.run.state == "running"
        ),
        queued=tuple(_line(reader, one, workers) for one in reversed(shown) if one.run.state == "waiting"),
        failed=tuple(run_view(run) for run in open_failures(runs)[:FAILURES]),
        stopped=stopped_views(runs, reader.settings.endpoint, out_since(reader, stopped))[:STOPPED],
        families=newest_families((one.family for one in known if one.family is not None), FAMILIES),
        events=read_events(reader, limit=EVENTS),
        workers=workers,
    )


def _line(
    reader: Reader, one: KnownRun, workers: Sequence[WorkerView], expected: float | None = None
) -> RunView:
    return run_view(
        one.run,
        host=host_of(reader, one.run.executor, workers),
        way=reader.way(one.run.id) if one.run.state == "running" else None,
        plan=one.plan,
        parent=one.parent,
        expected=expected,
    )


def host_of(reader: Reader, executor: str | None, workers: Sequence[WorkerView]) -> str:
    """The machine's name where it told one, else whether it is this one."""
    if not executor:
        return ""
    told = next((one.host for one in workers if one.executor == executor and one.host), "")
    here = engine.of_this_machine(reader.settings, executor)
    return told or ("this machine" if here else executor)


def run_page(reader: Reader, id_: str, now: float) -> RunPage | None:
    """One run with its steps, the runs it started and the end of its log; None for an unknown one."""
    found = reader.run(id_)
    if found is None:
        return None
    workers = read_workers(reader)
    children = reader.children(id_)
    return RunPage(
        run=_line(reader, found, workers, reader.expected().get(id_)),
        steps=step_views(found.run, now if found.run.state == "running" else found.run.ended or now),
        children=tuple(_line(reader, child, workers) for child in children),
        stopped=found.run.stopped,
        patched=found.patched,
        log=reader.log_tail(id_),
        can_retry=found.run.state in ENDED_BADLY,
    )
