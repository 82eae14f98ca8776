"""The executor that a command is: it becomes the `main` executor of this machine for as long as it waits.

On Postgres it leaves that to the workers of the fleet as long as one lives.
"""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import Self

import filelock

from bot import engine
from bot.settings import Settings

ASK_AGAIN = 5.0
"""Seconds between two looks whether the fleet has a living worker."""
MAIN = "main"


class Host:
    """Executes runs while the block is open, unless a daemon on this machine does already."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self._ask_again_at = 0.0
        self.executing = False

    def __enter__(self) -> Self:
        self.try_to_execute()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def try_to_execute(self) -> None:
        """Become the executor if nobody is; asked again and again, because a foreign one may end."""
        if self.executing or self._fleet_works():
            return
        with contextlib.suppress(filelock.Timeout):
            self._stack.enter_context(engine.running(self._settings, MAIN))
            self.executing = True

    def _fleet_works(self) -> bool:
        """On Postgres: whether some worker lives that can take the run. A command would end in the middle of
        what placement gives it."""
        if not self._settings.database_url:
            return False
        now = time.monotonic()
        if now < self._ask_again_at:
            return True
        works = engine.somebody_works(self._settings)
        self._ask_again_at = now + ASK_AGAIN if works else 0.0
        return works
