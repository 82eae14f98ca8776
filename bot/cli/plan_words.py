"""How plans are written in a terminal: a few short lines each, no wider than 80 columns where they can be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.card.numbers import size
from bot.cli import show
from bot.journal.plans import Kept
from bot.plan.proposal import Estimate, Proposal
from bot.plan.rules import Verdict
from bot.records import to_json

_HEADINGS = {
    "started": "Running",
    "waiting": "Waiting for your yes: bot approve ID, or bot refuse ID",
    "approved": "Approved, the next to start first",
    "refused": "Refused",
    "superseded": "Superseded by a newer change",
    "over": "Over",
}
_DOES = {
    "patch": "brings small files into",
    "mark": "writes a line on the card of",
    "freeze": "holds everything of this base",
}


def put(console: Console, line: Text) -> None:
    """One line; in a terminal its continuation is indented as it is itself."""
    if not console.is_terminal:
        console.print(line, soft_wrap=True)
        return
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    console.print(Padding(line[indent:], (0, 0, 0, indent)))


def list_lines(kept: Sequence[Kept], outlook: Mapping[str, Verdict], by_rule: str) -> Iterator[Text]:
    """The list, by what becomes of them; `outlook` in the order of starting."""
    if not kept:
        yield Text("No plans. `bot run` proposes what it finds, `bot plan OWNER/NAME` plans one base.")
    position = {id_: place for place, id_ in enumerate(outlook)}
    first = True
    for state, heading in _HEADINGS.items():
        mine = [one for one in kept if one.state == state]
        if state == "approved":
            mine.sort(key=lambda one: position.get(one.id, len(position)))
        for number, one in enumerate(mine):
            if number == 0:
                yield Text(("" if first else "\n") + heading, style="bold")
                first = False
            yield from _block(one, outlook.get(one.id), by_rule)


def _block(kept: Kept, now: Verdict | None, by_rule: str) -> Iterator[Text]:
    proposal = kept.proposal
    yield Text.assemble("  ", (kept.id, "cyan"))
    yield Text(f"    {proposal.repo}, {proposal.why}, {ago(time.time() - kept.created_at)}")
    yield Text(f"    {goes_to(proposal)}")
    if taking := takes(proposal.estimate):
        yield Text(f"    {taking}")
    if kept.state == "waiting":
        yield Text(f"    why it waits: {proposal.rule}")
    elif kept.state == "approved":
        yield Text(
            f"    {now.told if now and now.outcome == 'later' else 'starts when `bot run` looks next'}"
        )
    elif kept.state == "started":
        yield Text(f"    bot show '{kept.run}'")
    elif kept.decided_by and kept.decided_by != by_rule:
        yield Text(f"    by {kept.decided_by}{': ' + printable(proposal.said) if proposal.said else ''}")


def goes_to(proposal: Proposal) -> str:
    """What it writes, and where: the recipes with their sizes, the account, how it is published."""
    if proposal.plan is None:
        targets = proposal.targets
        what = _DOES.get(proposal.action, proposal.action)
        if not targets:
            return what
        return f"{what} {targets[0]}" + (f" and {len(targets) - 1} more" if len(targets) > 1 else "")
    plan = proposal.plan
    made = ", ".join(f"{quant.recipe} {size(quant.predicted_bytes)}" for quant in plan.to_make())
    how = "private" if plan.keep_private else "public early" if plan.early else "public when verified"
    return f"{made or 'nothing'} to {plan.account}, {how}"


def takes(estimate: Estimate) -> str:
    """`31.2 GiB disk, 9.0 GiB memory, about 3.2 h (2.8 to 4.1 h)`; what is not known is said to be so."""
    parts = [f"{size(estimate.disk_bytes)} disk"] if estimate.disk_bytes else []
    parts += [f"{size(estimate.memory_bytes)} memory"] if estimate.memory_bytes else []
    parts += [f"{size(estimate.upload_bytes)} upload"] if estimate.upload_bytes else []
    if estimate.seconds is not None:
        spread = _spread(estimate)
        parts.append(f"about {hours(estimate.seconds)}" + (f" ({spread})" if spread else ""))
    elif estimate.memory_bytes:
        parts.append("time not known")
    return ", ".join(parts)


def _spread(estimate: Estimate) -> str:
    """`2.8 to 4.1 h`; empty where the past runs agree."""
    if estimate.seconds_low is None or estimate.seconds_high is None:
        return ""
    low, high = hours(estimate.seconds_low), hours(estimate.seconds_high)
    if low == high:
        return ""
    return f"{low.split()[0] if low.split()[1] == high.split()[1] else low} to {high}"


def hours(seconds: float) -> str:
    """`45 s`, `12 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def ago(seconds: float) -> str:
    """`just now`, `12 min ago`, `3 days ago`."""
    if seconds < 60:
        return "just now"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 172_800 else f"{seconds / 86_400:.0f} days ago"


def printable(text: str) -> str:
    """A text that others wrote, on one line and without what a terminal would obey."""
    return "".join(
        c if c.isprintable() else " " if c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


# ------------------------------------------------------------------ one plan


def show_one(console: Console, proposal: Proposal, now: Verdict | None, kept: Kept | None) -> None:
    """A plan whole. `now`: what the watchlist says of one that was made just now."""
    if proposal.plan is not None:
        console.print(show.plan_table(proposal.plan))
    else:
        console.print(f"{proposal.repo} at {proposal.sha[:12]}", markup=False, soft_wrap=True)
    if not console.is_terminal:
        for name, text in _details(proposal, now, kept):
            console.print(f"{name:<11} {text}" if name else text, markup=False, soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text in _details(proposal, now, kept):
        table.add_row(name, Text(text))
    console.print(table)


def _details(proposal: Proposal, now: Verdict | None, kept: Kept | None) -> Iterator[tuple[str, str]]:
    estimate = proposal.estimate
    yield "why", proposal.why
    if proposal.plan is None:
        for number, target in enumerate(proposal.targets):
            yield "goes to" if number == 0 else "", target
    for name, text in (
        ("disk", f"{size(estimate.disk_bytes)} in BOT_HOME at most" if estimate.disk_bytes else ""),
        ("memory", f"{size(estimate.memory_bytes)}, the largest step" if estimate.memory_bytes else ""),
        ("Hub", _storage(estimate)),
        ("time", _time(estimate)),
    ):
        if text:
            yield name, text
    yield from _standing(now, kept)


def _storage(estimate: Estimate) -> str:
    if not estimate.upload_bytes:
        return ""
    private = estimate.private_bytes
    return f"{size(estimate.upload_bytes)} more" + (
        f", {size(private)} of it private at a time" if private else ""
    )


def _time(estimate: Estimate) -> str:
    if estimate.seconds is None:
        return f"not known: {estimate.basis}" if estimate.basis else ""
    spread = _spread(estimate)
    return f"about {hours(estimate.seconds)}{f', {spread}' if spread else ''}, {estimate.basis}"


def _standing(now: Verdict | None, kept: Kept | None) -> Iterator[tuple[str, str]]:
    words = {
        "start": "it would start",
        "ask": "it would ask",
        "later": "it would wait",
        "no": "nothing to do",
    }
    if now is not None:
        yield "watchlist", f"{words[now.outcome]}: {now.told}"
    if kept is None:
        if now is None or now.outcome != "no":
            yield "kept", "no: `--keep` keeps it among the plans, `bot publish` makes it now"
        return
    yield "id", kept.id
    state = kept.state if kept.state != "waiting" else "waiting for your yes"
    by = f" by {kept.decided_by}" if kept.decided_by else ""
    at = f", {datetime.fromtimestamp(kept.decided_at):%Y-%m-%d %H:%M}" if kept.decided_at else ""
    yield "state", state + by + at
    yield "rule", kept.proposal.rule
    if kept.proposal.said:
        yield "said", printable(kept.proposal.said)
    if kept.run:
        yield "run", kept.run
    if kept.state == "waiting":
        yield "yes or no", f"bot approve {kept.id}, or bot refuse {kept.id}"


# ------------------------------------------------------------------ JSON


def as_json(kept: Kept, now: Verdict | None) -> dict[str, Any]:
    """One line of the list, for programs: the whole proposal, its state, and what keeps it from starting."""
    return to_json(kept) | {"id": kept.id, "now": to_json(now) if now else None}


def one_json(proposal: Proposal, now: Verdict, kept: Kept | None) -> dict[str, Any]:
    return {"proposal": to_json(proposal), "verdict": to_json(now), "kept": to_json(kept) if kept else None}
