"""`bot notify`: do the services take a message? And what would the digest say now?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from bot.notify.settings import Wanted


def notify(
    digest: Annotated[bool, typer.Option(help="Show the digest as it would be now; send nothing.")] = False,
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a test message to each service of BOT_NOTIFY and of the watchlist's `notify:`."""
    from bot.notify.notifier import wanted_of

    known = settings_.from_environment()
    wanted = wanted_of(watchlist or known.watchlist)
    if digest:
        _show_digest(known, wanted, json)
    else:
        _test(wanted, json)


def _test(wanted: Wanted, json: bool) -> None:
    import os

    from bot.cli import show
    from bot.errors import HostError, UsageError
    from bot.notify.render import Message
    from bot.notify.services import VARIABLE, send, services

    found = services(wanted.notify, os.environ, wanted.folder)
    if not found:
        raise UsageError(
            f"no service is named: set {VARIABLE} to apprise URLs, or name a file of them in the watchlist "
            "(`notify:`, `services_file:`)"
        )
    test = Message(title="qx-bot: a test", body="This is where qx-bot tells you what happens.", mood="plain")
    answers = {service.name: send(service, test) for service in found}
    failed = [name for name, why in answers.items() if why is not None]
    if json:
        show.as_json([{"service": name, "took": why is None, "why": why} for name, why in answers.items()])
    else:
        for name, why in answers.items():
            show.out().print(f"{name:<12} {'took it' if why is None else why}", markup=False, soft_wrap=True)
    if failed:
        raise HostError(f"{', '.join(failed)} did not take the message: check the URL and the network")


def _show_digest(known: settings_.Settings, wanted: Wanted, json: bool) -> None:
    import time

    from bot.cli import show
    from bot.journal.database import journal
    from bot.notify.breakfast import make_digest

    with journal(known) as opened:
        made, _ = make_digest(known, opened, wanted, time.time())
    if json:
        show.as_json(made)
        return
    console = show.out()
    console.print(made.headline, markup=False, soft_wrap=True)
    for line in made.lines:
        console.print(line, markup=False, soft_wrap=True)
