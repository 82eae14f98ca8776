"""`bot init`: a newcomer's first minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import settings as settings_


def init(
    account: Annotated[str | None, typer.Option(help="Where quants will be published.")] = None,
    watchlist: Annotated[
        Path | None, typer.Option(help="File to write; default: watchlist.yaml here.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(help="Also copy the card templates to this new folder, to edit them.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a watchlist that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the watchlist, write nothing.")] = False,
) -> None:
    """Write a commented watchlist for your account and say what comes next."""
    from datetime import UTC, datetime

    from bot import init as files
    from bot.cli import show

    known = settings_.from_environment()
    path = watchlist or known.watchlist
    text = files.watchlist_text(_account(known, account, yes=yes), datetime.now(UTC).date())
    if dry_run:
        typer.echo(text, nl=False)
        return
    files.make_home(known)
    if templates is not None:
        files.copy_templates(templates)
    files.write_watchlist(path, text, force=force)
    console = show.out()
    console.print(f"{path} is written: read it, it says what each line means.", soft_wrap=True)
    console.print(f"{known.home} keeps runs, caches and the database.", soft_wrap=True)
    if templates is not None:
        console.print(
            f"{templates} holds the card templates: export BOT_TEMPLATES={templates}", soft_wrap=True
        )
    console.print("\nNext:")
    for command in files.next_commands(path, token=bool(settings_.token())):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def _account(known: settings_.Settings, given: str | None, *, yes: bool) -> str:
    """The account: as given, as BOT_ACCOUNT says, as the token's owner, or as answered."""
    from bot.errors import UsageError

    suggestion = given or known.account or _owner_of_token(known)
    if given or (yes and suggestion):
        return suggestion or ""
    if yes:
        raise UsageError("nobody said for which account: add --account NAME")
    answer: str = typer.prompt("Publish to which Hub account", default=suggestion)
    return answer


def _owner_of_token(known: settings_.Settings) -> str | None:
    from bot.errors import BotError
    from bot.huggingface import HubDoor

    if not settings_.token():
        return None
    try:
        return HubDoor(known).whoami().name
    except BotError:
        return None
