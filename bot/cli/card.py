"""`bot card …`: facts, rendering, checking, auditing, preview and updates of cards. Heavy imports wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings
from bot.cli import claims
from bot.cli.card_preview import preview
from bot.cli.card_update import update

if TYPE_CHECKING:
    from bot.card.facts import Facts

card = typer.Typer(no_args_is_help=True)


@card.callback()
def _card() -> None:
    """Cards: facts, rendering, checking what a text claims, preview, updates of what is published."""


card.command()(preview)
card.command()(claims.check)
card.command()(claims.audit)
card.command()(update)


@card.command("facts")
def facts_(
    repo: Annotated[str, typer.Argument(help="A quant that the bot published, owner/name.")],
    out: Annotated[Path | None, typer.Option(help="File to write; standard output without it.")] = None,
) -> None:
    """Write the facts of a published card: everything it can say, as it was measured."""
    from bot.huggingface import HubDoor
    from bot.publish.card_facts import encoded, facts_of

    text = encoded(facts_of(HubDoor(settings.from_environment()), repo)).decode()
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out}")


@card.command()
def render(
    facts: Annotated[Path, typer.Option(help="JSON or YAML file of what is known about the quant.")],
    template: Annotated[str | None, typer.Option(help="Template's name, without .md.j2.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for README.md and figures; standard output without it.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Owner of the repo, where the facts name none; default: BOT_ACCOUNT.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say how each computed number came about.")
    ] = False,
) -> None:
    """Render a model card from a file of facts."""
    from msgspec.structs import replace

    from bot.card import written
    from bot.card.board import board
    from bot.card.facts_file import read
    from bot.card.render import render as render_card
    from bot.review import own_words
    from bot.review.review import review

    known = _owned(read(facts), account)
    known = replace(known, template=template) if template else known
    for warning in own_words.warnings(known, board(known)):
        typer.echo(f"{known.card}: {warning}", err=True)
    templates = settings.from_environment().templates
    if out is None:
        typer.echo(render_card(known, review(known), templates).text, nl=False)
    else:
        out.mkdir(parents=True, exist_ok=True)
        written.write(out, known, review(known), templates)
        typer.echo(f"wrote {out / 'README.md'}")
    if explain:
        _explain(known, to_stderr=out is None)


def _owned(known: Facts, account: str | None) -> Facts:
    """With the whole name of the repo, as far as an owner is known."""
    from msgspec.structs import replace

    owner = account or settings.from_environment().account
    if known.repo:
        return known
    if owner:
        return replace(known, repo=f"{owner}/{known.card}")
    typer.echo(
        f"no owner of {known.card} is known: give --account, so that the lines to copy name the whole repo",
        err=True,
    )
    return known


def _explain(known: Facts, *, to_stderr: bool) -> None:
    from bot.card.board import board
    from bot.card.score_tables import score_tables

    for table in score_tables(known, board(known)):
        for line in table.explained:
            typer.echo(f"{table.title}: {line}", err=to_stderr)
