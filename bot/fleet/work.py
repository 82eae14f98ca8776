"""`bot worker`: an executor without a watch. It takes what the daemon, or a person, puts into the queue."""

from __future__ import annotations

import logging
import signal
import threading

import filelock

from bot import engine, runs
from bot.card.numbers import size
from bot.errors import UsageError
from bot.settings import Settings
from bot.watch.quantities import Size

log = logging.getLogger("bot")

WORKFLOWS = runs.WORKFLOWS
"""Importing `runs` (and `flow` with it) registers all, which an executor needs before it launches."""
RESTARTED = 3.0
"""Seconds that a worker waits for its own lock: its former process may be ending just now."""


def memory_of(told: str | None) -> int | None:
    """Bytes of `192GB`. Raises UsageError."""
    if told is None:
        return None
    try:
        return Size.parse(told)
    except ValueError as error:
        raise UsageError(f"--memory {error}") from None


def work(settings: Settings, name: str, tags: tuple[str, ...] = (), memory_bytes: int | None = None) -> None:
    """Take runs until SIGTERM or SIGINT, as the executor `name` of this machine; then leave within ten
    seconds. Raises UsageError when that worker runs already, HostError when the database is lost."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with engine.running(
            settings,
            name,
            tags=tags,
            memory_bytes=memory_bytes,
            patience=engine.PATIENCE,
            lock_patience=RESTARTED,
        ) as me:
            log.info(
                "worker %s (%s) takes runs: %s, %s",
                me.executor,
                me.host,
                ", ".join(me.tags),
                size(me.memory_bytes),
            )
            stop.wait()
            log.info("stopping")
    except filelock.Timeout:
        raise UsageError(f"a worker named {name!r} runs here already: give this one another --name") from None
