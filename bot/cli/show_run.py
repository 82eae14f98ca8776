"""`bot show RUN`: one run, step by step, with the quants that it published and the end of its log."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dbos import DBOSClient
    from rich.table import Table
    from rich.text import Text

    from bot.runs import Run, Step
    from bot.settings import Settings

TAIL = 20
"""Lines of the log that are shown unasked of a run that did not go well."""


def show(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id (`bot status`), a plan's, or a base: its newest.")
    ],
    log: Annotated[bool, typer.Option("--log", help="The whole log of its children.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """One run: each step with its start, how long it took and its error, and the end of its log."""
    from bot.cli import show as shown
    from bot.errors import NotFound
    from bot.plan.past import runs_if_any
    from bot.records import to_json

    known = settings_.from_environment()
    with runs_if_any(known) as client:
        if client is None:
            raise NotFound(f"there is no run {run!r}: nothing has run yet")
        found = _found(known, client, run)
        children = _children(client, found.id)
    path = known.run_folder(found.id) / "log.txt"
    if json:
        lines = _tail(path, None if log else TAIL)
        shown.as_json(to_json(found) | {"published": [to_json(c) for c in children], "log": lines})
        return
    console = shown.out()
    for line in _head(found):
        console.print(line, soft_wrap=not console.is_terminal)
    for one in (found, *children):
        console.print(_steps(one, None if one is found else one.id))
    badly = found.state not in ("done", "running", "waiting")
    for text in _log(path, None if log else TAIL if badly else 0):
        console.print(text, markup=False, soft_wrap=True)


def _found(known: Settings, client: DBOSClient, name: str) -> Run:
    """Raises NotFound for what is no run, no plan that ran, and no base that was made."""
    from bot import runs
    from bot.errors import NotFound
    from bot.journal import plans
    from bot.journal.looking import looking

    def of(**asked: Any) -> Run | None:
        status = client.list_workflows(load_input=False, limit=1, sort_desc=True, **asked)
        return runs.describe(client, status[0]) if status else None

    found = of(workflow_ids=[name])
    if found is None and "/" not in name:
        with looking(known) as opened:
            kept = plans.get(opened, name)
        if kept is not None and kept.run is None:
            raise NotFound(f"the plan {name} is {kept.state} and did not run: `bot plan show {name}`")
        found = of(workflow_ids=[kept.run]) if kept is not None else None
    elif found is None:
        prefixes = [f"{kind}:{name}@" for kind in ("family", "publish", "patch")]
        found = of(workflow_id_prefix=prefixes)
    if found is None:
        raise NotFound(f"there is no run {name!r}: `bot status` lists them")
    return found


def _children(client: DBOSClient, run: str) -> list[Run]:
    """The runs that it started, in the order of starting."""
    from bot import runs

    found = client.list_workflows(parent_workflow_id=run, load_input=False)
    return [runs.describe(client, status) for status in found]


def _head(run: Run) -> Iterator[Text]:
    from datetime import datetime

    from rich.text import Text

    yield Text(run.id, style="bold")
    took = f", took {_took(run.started, run.ended)}" if run.ended else ""
    host = f", on {run.executor}" if run.executor else ""
    yield Text(f"{run.state}, begun {datetime.fromtimestamp(run.started):%Y-%m-%d %H:%M:%S}{took}{host}")
    if run.retry_of:
        yield Text(f"a retry of {run.retry_of}")
    if run.error:
        yield Text(run.error, style="red")
        yield Text(f"way out: bot retry '{run.id}'")
    for repo, reasons in run.stopped.items():
        yield Text(f"{repo} was stopped by the gate: {'; '.join(reasons)}", style="yellow")


def _steps(run: Run, title: str | None) -> Table:
    from datetime import datetime

    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"\n{title}: {run.state}" if title else None, title_justify="left", box=None, pad_edge=False
    )
    for name, right in (("step", False), ("started", False), ("took", True), ("", False)):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for step in run.steps:
        at = f"{datetime.fromtimestamp(step.started):%H:%M:%S}" if step.started else ""
        table.add_row(step.name, at, _took(step.started, step.ended), _error(step))
    if not run.steps:
        table.add_row(Text("no step is done yet", style="dim"), "", "", "")
    return table


def _error(step: Step) -> Text:
    from rich.text import Text

    return Text(step.error or "", style="red")


def _took(start: float | None, end: float | None) -> str:
    from bot.cli.plan_words import hours

    if start is None or end is None:
        return ""
    seconds = end - start
    return f"{seconds:.1f} s" if seconds < 10 else hours(seconds)


def _tail(path: Path, lines: int | None) -> list[str]:
    """The last lines of the log (None: all); none where it is not on this machine."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=lines)]


def _log(path: Path, lines: int | None) -> Iterator[str]:
    if lines == 0:
        return
    from bot.cli.plan_words import printable

    found = _tail(path, lines)
    if not found:
        yield "\nIts log is not on this machine, or nothing was written to it."
        return
    yield f"\nlog ({path})" if lines is None else f"\nthe end of its log ({path})"
    yield from map(printable, found)
