"""What people see in a terminal: plans, progress, outcomes. Progress bars on a terminal, plain lines else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.card.numbers import size
from bot.events import Event
from bot.records import FamilyResult, Outcome, Plan, to_json


def as_json(value: Any) -> None:
    """One JSON document on standard output, for programs."""
    data = to_json(value) if isinstance(value, msgspec.Struct) else value
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")


def out() -> Console:
    """Standard output: wide enough that nothing is cut when it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def err() -> Console:
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal else Console(stderr=True, highlight=False, width=160)


def plan_table(plan: Plan) -> Table:
    """What will be made of the base, what it will weigh, where it goes."""
    table = Table(
        title=f"{plan.base.repo} at {plan.base.sha[:12]}", title_justify="left", box=None, pad_edge=False
    )
    for name, justify in (
        ("recipe", "left"),
        ("bits/weight", "right"),
        ("size", "right"),
        ("goes to", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]  # rich's literals
    table.add_column("what happens", overflow="fold")
    words = {"make": "make", "update": "update", "published": "nothing", "foreign": "stop"}
    for quant in plan.quants:
        table.add_row(
            quant.recipe,
            f"{quant.bits_per_weight:.2f}",
            size(quant.predicted_bytes),
            quant.repo,
            f"{words[quant.action]}: {quant.why}",
        )
    return table


class Watcher(Protocol):
    def __call__(self, event: Event) -> None: ...


@contextmanager
def progress(*, quiet: bool) -> Iterator[Watcher]:
    """Show a run's events: bars on a terminal, one plain line a stage otherwise, nothing when quiet."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield bars
    else:
        yield _Lines()


class _Lines:
    """Plain lines, one for each new thing, with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = ("", "")

    def __call__(self, event: Event) -> None:
        now = (event.progress.stage, event.progress.what)
        if now != self._last:
            self._last = now
            seconds = time.monotonic() - self._start
            sys.stderr.write(f"{seconds:6.1f}s  {now[0]:<10} {now[1]}\n")
            sys.stderr.flush()


@contextmanager
def _bars() -> Iterator[Watcher]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[stage]:<10}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}  [dim]{task.fields[count]}"),
    )
    with Progress(*columns, console=err(), transient=False) as bars:
        tasks: dict[str, TaskID] = {}

        def show(event: Event) -> None:
            said = event.progress
            if said.stage not in tasks:
                tasks[said.stage] = bars.add_task("", stage=said.stage, total=None, count="")
            total = said.total or None
            count = f"{said.done:.0f} of {said.total:.0f} {said.unit}" if said.total else ""
            task = tasks[said.stage]
            bars.update(task, description=escape(said.what), completed=said.done, total=total, count=count)
            for stage, other in tasks.items():
                if stage != said.stage and not bars.tasks[other].finished:
                    bars.update(other, total=1, completed=1, count="")

        yield show


def outcome_table(results: list[FamilyResult], endpoint: str, *, links: bool) -> Table:
    """What became of each quant: bits, size, perplexity, the tasks' scores, and where it is.

    With `links` (a terminal) a repo's name is a link; otherwise its address is written out.
    """
    tasks = sorted(
        {t.task for r in results for o in r.outcomes if o.measurement for t in o.measurement.tasks}
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("repo", overflow="fold")
    for name in ("bits", "size", "perplexity", *map(_short, tasks)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("now", overflow="fold")
    for result in results:
        for outcome in result.outcomes:
            table.add_row(*_outcome_row(outcome, tasks, endpoint, links))
    return table


def _short(task: str) -> str:
    return {"arc_challenge": "arc_c", "arc_easy": "arc_e", "hellaswag": "hella", "openbookqa": "obqa",
            "winogrande": "winog"}.get(task, task)  # fmt: skip


def _outcome_row(outcome: Outcome, tasks: list[str], endpoint: str, links: bool) -> list[str | Text]:
    measured = outcome.measurement
    scores = {t.task: f"{t.value:.3f}" for t in measured.tasks} if measured else {}
    perplexity = measured.perplexity if measured else None
    url = f"{endpoint}/{outcome.repo}"
    on_hub = outcome.status in ("published", "already")
    linked = Text(outcome.repo, style=Style(link=url)) if links else url
    return [
        linked if on_hub else outcome.repo,
        f"{measured.bits_per_weight:.2f}" if measured and measured.bits_per_weight else "",
        size(measured.size_bytes) if measured else "",
        f"{perplexity.value:.3f} ±{perplexity.stderr:.3f}" if perplexity else "",
        *(scores.get(task, "") for task in tasks),
        outcome.status if not outcome.error else f"{outcome.status}: {outcome.error}",
    ]
