"""What a run tells while it runs: JSON lines in the run's folder, written by whoever executes it, read by
whoever watches it (the same terminal, `bot status`, the page)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bot.child import Progress
from bot.records import Record

EVERY = 0.2
"""Seconds between two progress lines of the same thing; its last line is always written."""


class Event(Record, frozen=True, kw_only=True):
    """One line: at which time (Unix seconds) which run reported which progress."""

    at: float
    run: str
    progress: Progress


class EventLog:
    """Appends events of one run to its file. Lines are short, so appends by several processes stay whole."""

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "events.jsonl"
        self._run = run
        self._last: tuple[str, str, float] = ("", "", 0.0)

    def __call__(self, progress: Progress) -> None:
        stage, what, at = self._last
        now = time.time()
        same = (stage, what) == (progress.stage, progress.what)
        if same and now - at < EVERY and progress.done < progress.total:
            return
        self._last = (progress.stage, progress.what, now)
        line = msgspec.json.encode(Event(at=now, run=self._run, progress=progress)) + b"\n"
        with self.path.open("ab") as file:
            file.write(line)


def follow(path: Path, offset: int = 0) -> Iterator[tuple[Event, int]]:
    """The whole events after `offset` bytes, each with the offset behind it; a torn last line waits."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield msgspec.json.decode(line, type=Event), offset
