"""`bot watch --once`: one sweep, said out loud, nothing started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import settings as settings_


def watch(
    once: Annotated[bool, typer.Option("--once", help="One sweep (the daemon is `bot run`).")] = False,
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at everything watched once and say what would be made."""
    import contextlib
    from datetime import UTC, datetime

    from bot import engine
    from bot.cli import show
    from bot.errors import NotFound, UsageError
    from bot.huggingface import HubDoor
    from bot.journal.database import journal
    from bot.unattended.desk import Desk
    from bot.unattended.jobs import look_once
    from bot.watch.watchlist import load_watchlist

    if not once:
        raise UsageError("say --once for one sweep, or `bot run` for the daemon that sweeps by itself")
    known = settings_.from_environment()
    path = watchlist or known.watchlist
    with contextlib.ExitStack() as stack:
        client = None
        with contextlib.suppress(NotFound):  # nothing ever ran here, so nothing is known
            client = stack.enter_context(engine.client(known))
        followed = load_watchlist(path)
        opened = stack.enter_context(journal(known))
        desk = Desk(settings=known, door=HubDoor(known), journal=opened, client=client)
        found = look_once(desk, followed, datetime.now(UTC), keep=False)
    if json:
        show.as_json(found)
        return
    console = show.out()
    for one in found.decided:
        console.print(f"{one.repo} at {one.sha[:12]}: {one.kind}: {one.waits}")
    for error in found.errors:
        console.print(f"could not look: {error}")
    for mistake in found.recipes:
        console.print(f"cannot be used: {mistake}", markup=False, soft_wrap=True)
    if not found.decided and not found.errors and not found.recipes:
        console.print("Nothing changed.")
