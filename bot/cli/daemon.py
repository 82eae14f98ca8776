"""`bot run`, `bot worker`, `bot pause`, `bot resume`: the unattended half."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot import settings as settings_
from bot.errors import HostError


class LogFormat(StrEnum):
    """How `bot run` and `bot worker` log: lines for people, or a JSON object a line."""

    text = "text"
    json = "json"


Logged = Annotated[LogFormat, typer.Option("--log-format", help="Lines for people, or JSON.")]


@contextlib.contextmanager
def _ending_now() -> Iterator[None]:
    """At the end of the block the process ends, also where a step is still under way: its run is parked."""
    from bot import engine

    try:
        yield
    except HostError as error:
        logging.getLogger("bot").error("%s", error)
        engine.end_process(error.exit_code)
        raise
    engine.end_process()


def run(
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
    log_format: Logged = LogFormat.text,
) -> None:
    """The daemon: watch, and make and publish what the watchlist says."""
    from bot import daemon, logs

    known = settings_.from_environment()
    logs.set_up(known, format=log_format.value)
    with _ending_now():
        daemon.run(known, watchlist or known.watchlist)


def worker(
    name: Annotated[str, typer.Option(help="Stable name of this worker on this machine.")] = "worker",
    database_url: Annotated[
        str | None, typer.Option(help="Default: the SQLite file in BOT_HOME.", envvar="BOT_DATABASE_URL")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="What this machine is good for, beside its own tags; may be repeated."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="What a model may take here, such as 192GB; default: as measured.")
    ] = None,
    log_format: Logged = LogFormat.text,
) -> None:
    """A second process, here or on another machine, that takes runs from the same database."""
    from msgspec.structs import replace

    from bot import logs
    from bot.fleet import work

    known = settings_.from_environment()
    logs.set_up(known, role=f"worker-{name}", format=log_format.value)
    here = replace(known, database_url=database_url or known.database_url)
    with _ending_now():
        work.work(here, name, tuple(tag or ()), work.memory_of(memory))


def pause() -> None:
    """Start nothing new until `bot resume`; what runs goes on."""
    _set_paused(True)


def resume() -> None:
    """Go on after `bot pause`."""
    _set_paused(False)


def _set_paused(paused: bool) -> None:
    from bot import engine
    from bot.cli import show

    with engine.client(settings_.from_environment()) as client:
        engine.set_paused(client, paused)
    show.out().print("Paused: what runs goes on, nothing new is started." if paused else "Going on.")
