"""A child at work for a command: its progress in the terminal, and this machine's turn at MLX meanwhile."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TypeVar

import msgspec

from bot import child, settings
from bot.cli.progress import progress
from bot.events import Event
from bot.settings import Settings
from bot.turn import mlx_turn

R = TypeVar("R", bound=msgspec.Struct)


def at_work(
    known: Settings, module: str, request: msgspec.Struct, result: type[R], *, quiet: bool, mlx: bool = True
) -> R:
    """What `python -m module` answers. While another process has the turn it waits, and says so once.

    A child without `mlx` needs no turn.
    """
    what = module.split(".")[1]
    with progress(quiet=quiet) as watcher:
        wait = functools.cache(lambda: watcher.say("waits: another bot on this machine uses MLX"))
        with mlx_turn(known.home, wait) if mlx else contextlib.nullcontext():
            return child.run(
                module,
                request,
                result,
                log=known.state / "logs" / f"{what}.txt",
                environment=settings.hub_environment(known),
                on_progress=lambda told: watcher(Event(at=time.time(), run=what, progress=told)),
            )
