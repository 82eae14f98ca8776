"""`bot refuse`: a person's no to a plan."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import settings as settings_


def refuse(
    name: Annotated[
        str, typer.Argument(metavar="ID|BASE", help="A plan's id, its base, or one of its repos.")
    ],
    why: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which plan is meant.")] = False,
) -> None:
    """Say no to a plan that waits or is approved: it is not proposed again until its base changes."""
    from bot.cli import show
    from bot.cli.plan import person
    from bot.journal.looking import looking
    from bot.plan import decisions
    from bot.records import to_json

    with looking(settings_.from_environment()) as opened:
        kept = decisions.find(opened, name)
        if not dry_run:
            kept = decisions.refuse(opened, kept.id, person(), why)
    if json:
        show.as_json({"plan": to_json(kept), "dry_run": dry_run})
    elif dry_run:
        show.out().print(
            f"{kept.id} would be refused: {kept.proposal.repo}, {kept.proposal.why}", markup=False
        )
    else:
        show.out().print(
            f"{kept.id} is refused: nothing is made of {kept.proposal.repo} until it changes again",
            markup=False,
        )
