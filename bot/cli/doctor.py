"""`bot doctor`: is everything there, and if not, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from rich.table import Table

    from bot.doctor.finding import Finding
    from bot.doctor.hosts import Host

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="The workers on this database instead: who lives, who runs what.")
    ] = False,
) -> None:
    """Check this machine, the Hub and your files; each failing line says the way out. Changes nothing."""
    from msgspec.structs import replace

    if hosts:
        _hosts(json=json)
        return

    from bot import doctor as checks
    from bot.cli import show

    known = settings_.from_environment()
    console = show.out()
    findings = []
    for finding in checks.examine(replace(known, watchlist=watchlist or known.watchlist)):
        findings.append(finding)
        if not json and not console.is_terminal:
            console.print(_line(finding), markup=False, soft_wrap=True)
    if json:
        show.as_json(
            [{name: getattr(f, name) for name in ("check", "status", "what", "way_out")} for f in findings]
        )
    elif console.is_terminal:
        console.print(_table(findings))
    code = next((finding.exit_code for finding in findings if finding.exit_code), 0)
    if code:
        raise typer.Exit(code)


def _hosts(*, json: bool) -> None:
    from bot.cli import show
    from bot.doctor import hosts
    from bot.records import to_json

    found = hosts.look(settings_.from_environment())
    if json:
        show.as_json([to_json(host) for host in found])
        return
    show.out().print(_hosts_table(found) if found else "No worker was seen on this database yet.")


def _hosts_table(found: list[Host]) -> Table:
    from rich.table import Table

    from bot.card.numbers import size

    table = Table(box=None, pad_edge=False)
    for name in ("", "worker", "machine", "tags", "memory", "last beat", "runs"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(
            "alive" if one.alive else "gone",
            one.executor,
            one.host,
            " ".join(one.tags),
            size(one.memory_bytes),
            f"{one.silent_seconds:.0f} s ago",
            "\n".join(one.runs),
        )
    return table


def _line(finding: Finding) -> str:
    way_out = f" -> {finding.way_out}" if finding.way_out else ""
    return f"{finding.status:<5} {finding.check:<10} {finding.what}{way_out}"


def _table(findings: list[Finding]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("", "check", "found", "way out"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        status = Text(finding.status, style=COLOURS[finding.status])
        table.add_row(status, finding.check, Text(finding.what), Text(finding.way_out))
    return table
