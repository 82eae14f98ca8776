"""`bot status`, `bot retry`, `bot cancel`: runs, over the same database, beside whatever executes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from rich.table import Table

    from bot.runs import Run

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def status(json: Json = False, limit: Annotated[int, typer.Option(help="How many runs.")] = 20) -> None:
    """What runs, waits, failed and was published, newest first."""
    from bot import engine, runs
    from bot.cli import show
    from bot.records import to_json

    known = settings_.from_environment()
    with engine.client(known) as client:
        found = runs.listed(client, limit)
        paused = engine.is_paused(client)
        waits = engine.why_waiting(known, client)
        others = engine.of_another_version(client)
    if json:
        told = [to_json(run) | {"waits": waits.get(run.id)} for run in found]
        show.as_json({"paused": paused, "runs": told})
        return
    console = show.out()
    if paused:
        console.print("Paused: nothing new is started until `bot resume`.")
    console.print(_table(found) if found else "No runs yet.")
    for run in found:
        if run.id in waits and not paused:
            console.print(f"{run.id} waits: {waits[run.id]}", soft_wrap=True, markup=False)
        if run.went_on_as:
            console.print(f"{run.id} goes on elsewhere as {run.went_on_as}", soft_wrap=True, markup=False)
        if run.error and run.state in ("failed", "parked"):
            console.print(f"{run.id}\n  {run.error}\n  way out: bot retry '{run.id}'", soft_wrap=True)
    for other in others:
        console.print(
            f"{other.workflow_id} was begun by version {other.app_version} of the engine (this is "
            f"{engine.VERSION}): a bot of that version ends it, or `bot retry '{other.workflow_id}'` cancels "
            "it and begins it anew",
            soft_wrap=True,
            markup=False,
        )
    for repo, reasons in _stopped(found).items():
        console.print(f"{repo} was stopped by the gate", soft_wrap=True)
        for reason in reasons:
            console.print(f"  {reason}", soft_wrap=True, markup=False)
        console.print(f"  while it is private: bot approve {repo}", soft_wrap=True)


def _stopped(found: list[Run]) -> dict[str, tuple[str, ...]]:
    """By repo, what its newest run said of it."""
    told: dict[str, tuple[str, ...]] = {}
    for run in found:
        for repo, reasons in run.stopped.items():
            told.setdefault(repo, reasons)
    return told


def _table(found: list[Run]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("state", "run", "started", "took", "step"):
        table.add_column(name, overflow="fold")
    for run in found:
        took = f"{run.ended - run.started:.0f} s" if run.ended else ""
        started = datetime.fromtimestamp(run.started).strftime("%Y-%m-%d %H:%M:%S")
        done = [step.name for step in run.steps]
        table.add_row(run.state, run.id, started, took, f"{len(done)}: {done[-1]}" if done else "")
    return table


def retry(
    run: Annotated[str, typer.Argument(help="The id of a failed or cancelled run (`bot status`).")],
    json: Json = False,
) -> None:
    """Go on with a failed or cancelled run from the step that failed."""
    from bot import engine, runs
    from bot.cli import show

    known = settings_.from_environment()
    with engine.client(known) as client:
        attempt = engine.fork(client, run)
        with runs.Host(known) as host:
            output = runs.wait_ended(host, client, attempt)
    if json:
        show.as_json({"run": attempt, "result": output})
    else:
        show.out().print(f"{attempt} is done")


def cancel(
    run: Annotated[str, typer.Argument(help="The id of a run (`bot status`).")], json: Json = False
) -> None:
    """Stop a run; what is public stays, what is private stays private."""
    from bot import engine, runs
    from bot.cli import show

    with engine.client(settings_.from_environment()) as client:
        runs.cancel(client, run)
    if json:
        show.as_json({"run": run, "state": "cancelled"})
    else:
        show.out().print(f"{run} is cancelled: `bot retry` goes on with it")
