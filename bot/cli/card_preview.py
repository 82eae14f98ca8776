"""`bot card preview`: the card in a browser while its template is edited. Heavy imports wait."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from bot import settings


def preview(
    facts: Annotated[
        str | None,
        typer.Option(help="File of facts, or a quant that the bot published; without it, an example."),
    ] = None,
    template: Annotated[str | None, typer.Option(help="Template's name, without .md.j2.")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 0,
) -> None:
    """Show the card as the Hub does, and again within a second of each save, until Ctrl-C."""
    from bot.card.figures.draw import figures
    from bot.card.preview.preview import Preview, check
    from bot.card.preview.server import PreviewServer
    from bot.card.preview.source import source
    from bot.huggingface import HubDoor

    known = settings.from_environment()
    templates = known.templates.absolute() if known.templates else None
    found = source(facts)
    check(found, templates)
    shown = Preview(
        found,
        lambda: HubDoor(known),
        figures,
        templates=templates,
        account=known.account,
        template=template,
    )
    server = PreviewServer(shown, port)
    with contextlib.suppress(KeyboardInterrupt):  # that is how a preview ends
        server.run(lambda address: _announce(address, found.label, shown.folders))


def _announce(address: str, facts: str, folders: tuple[Path, ...]) -> None:
    from bot.card.preview.trouble import short

    typer.echo(f"The card is shown at {address}, from {facts}.")
    typer.echo(f"Edit the templates in {' or '.join(short(folder) for folder in folders)}; Ctrl-C ends it.")
