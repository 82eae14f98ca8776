"""What people see in a terminal when a command is done: plans and outcomes, or JSON for programs."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.card.numbers import size
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


def plain_table(first: str, *numbers: str, title: str | None = None) -> Table:
    """A table without lines: one column of names, the others right-aligned numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


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
    words = {
        "make": "make",
        "update": "update",
        "published": "nothing",
        "waiting": "nothing",
        "stopped": "nothing",
        "foreign": "stop",
    }
    for quant in plan.quants:
        table.add_row(
            quant.recipe,
            f"{quant.bits_per_weight:.2f}",
            size(quant.predicted_bytes),
            quant.repo,
            f"{words[quant.action]}: {quant.why}",
        )
    return table


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
