"""`bot card …`: cards from files, without a Hub. Heavy imports wait until a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import settings

card = typer.Typer(no_args_is_help=True)


@card.callback()
def _card() -> None:
    """Cards: render one from a file of facts."""


@card.command()
def render(
    facts: Annotated[Path, typer.Option(help="JSON or YAML file of what is known about the quant.")],
    template: Annotated[str | None, typer.Option(help="Template's name, without .md.j2.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for README.md; standard output without it.")
    ] = None,
) -> None:
    """Render a model card from a file of facts."""
    from msgspec.structs import replace

    from bot.card.facts_file import read
    from bot.card.render import render as render_card
    from bot.review.review import review

    known = read(facts)
    known = replace(known, template=template) if template else known
    text = render_card(known, review(known), settings.from_environment().templates).text
    if out is None:
        typer.echo(text, nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out / 'README.md'}")
