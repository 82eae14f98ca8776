"""`bot rehearse`: the whole job on a Hub of this machine, with small trained bases and stand-in data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def rehearse(
    keep: Annotated[Path | None, typer.Option(help="Leave the Hub's folder here afterwards.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the results to this file.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this base, such as Tiny-Qwen3; may be repeated.")
    ] = None,
) -> None:
    """Publish the five rehearsal bases on a loopback Hub. Never touches the real one."""
    import msgspec

    from bot.cli import show
    from bot.cli.progress import progress
    from bot.rehearsal.rehearse import rehearse as run_through

    console = show.out()
    with progress(quiet=False) as watcher:
        rehearsed = run_through(keep, tuple(only or ()), watcher, watcher.say)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(rehearsed), indent=2) + b"\n")
    families = list(rehearsed.families)
    console.print(show.outcome_table(families, rehearsed.endpoint, links=console.is_terminal))
    made = [o for f in rehearsed.families for o in f.outcomes if o.status == "published"]
    console.print(f"{len(made)} repos published in {rehearsed.seconds:.0f} s, on this machine only.")
    if keep is not None:
        port = rehearsed.endpoint.rsplit(":", 1)[1]
        console.print(f"Look at them: bot hub serve --root {keep} --port {port}", soft_wrap=True)
        console.print(f"then open {rehearsed.endpoint}", soft_wrap=True)
    else:
        console.print("Nothing was kept; say --keep DIR to look at the cards in a browser afterwards.")
    if rehearsed.failed():
        raise rehearsed.first_failure()
