"""Files that grow: logs of children, progress lines of runs that are over, measurements, leftovers."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bot.events import Event
from bot.housekeeping.rules import DAY, Bounds, KnownRun, Measured, measurements_to_forget
from bot.settings import Settings

LOG_BYTES = 4_000_000
"""A child's log is cut to the last half of this when it is longer."""

QUIET = 3600.0
"""Seconds without a new line after which a log is cut; one that is far too long is cut at once."""

EVENT_BYTES = 64_000
"""Progress lines below this are left as they are."""

LEFTOVER_DAYS = 2.0


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.st_size for file in _files(path))


def newest_change(folder: Path) -> float:
    """When a file in the folder was changed last (Unix seconds); of an empty one, when it was itself: what is
    taken out of it makes it no younger."""
    return max((file.st_mtime for file in _files(folder)), default=folder.stat().st_mtime)


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Regular files below; links are not followed, and one that went meanwhile is not there."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield found


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder; none where that is not there."""
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def cut_logs(settings: Settings, now: float) -> int:
    """Logs that children and the service manager append to; the bot's own rotate. The bytes freed."""
    folder = settings.state / "logs"
    freed = 0
    for path in [*folder.glob("*.txt"), folder / "service.log"]:
        with contextlib.suppress(OSError):
            found = path.stat()
            if found.st_size > LOG_BYTES and (now - found.st_mtime > QUIET or found.st_size > 10 * LOG_BYTES):
                freed += keep_end(path, LOG_BYTES // 2)
    return freed


def keep_end(path: Path, size: int) -> int:
    """Cut a file to its last whole lines of at most `size` bytes (of one endless line its end), in place: who
    appends to it goes on. The bytes freed."""
    with path.open("r+b") as file:
        before = file.seek(0, os.SEEK_END)
        file.seek(max(0, before - size - 1))
        end = file.read()
        if before > size:
            end = end[max(0, end.find(b"\n")) + 1 :]
        file.seek(0)
        file.write(end)
        file.truncate()
    return before - len(end)


def thin_runs(settings: Settings, kept: Iterable[KnownRun], now: float, bounds: Bounds) -> int:
    """Of runs that are over for a while: of each thing in progress its last line, of the log its end. The
    bytes freed."""
    freed = 0
    for run in kept:
        folder = settings.run_folder(run.id)
        if run.ended and run.at < now - bounds.thin_days * DAY and folder.is_dir():
            with contextlib.suppress(OSError):
                freed += _thin_events(folder / "events.jsonl")
                log = folder / "log.txt"
                if log.is_file() and log.stat().st_size > LOG_BYTES:
                    freed += keep_end(log, LOG_BYTES // 2)
    return freed


def _thin_events(path: Path) -> int:
    if not path.is_file() or path.stat().st_size <= EVENT_BYTES:
        return 0
    before = path.read_bytes()
    after = thinned(before)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(after)
    draft.replace(path)
    return len(before) - len(after)


def thinned(lines: bytes) -> bytes:
    """Progress lines with, of neighbours about the same thing, the first and the last alone.

    The first says when it began, the last how far it came. What is no progress line is left out.
    """
    out: list[bytes] = []
    group: tuple[str, str] | None = None
    begun = False
    for line in lines.splitlines(keepends=True):
        try:
            progress = msgspec.json.decode(line, type=Event).progress
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        about = (progress.stage, progress.what)
        if about == group and not begun:
            out[-1] = line
        else:
            out.append(line)
            begun = about != group
            group = about
    return b"".join(out)


def forget_measurements(settings: Settings, now: float, bounds: Bounds) -> int:
    """Answers of models that nobody measured for long, and whole models while all is too much. The bytes
    freed."""
    store = settings.measurements
    folders, freed = folders_in(store), 0
    for folder in folders:
        answers = folder / "answers.sqlite"
        if answers.is_file() and newest_change(folder) < now - bounds.answers_days * DAY:
            freed += removed(answers)
    found = [Measured(name=folder.name, at=newest_change(folder), size=size_of(folder)) for folder in folders]
    return freed + sum(removed(store / name) for name in measurements_to_forget(found, now, bounds))


def forget_leftovers(settings: Settings, now: float) -> int:
    """Folders and drafts that a killed process left behind. The bytes freed."""
    places = [*settings.home.glob("release-*"), *settings.home.glob(".probe-*")]
    old = [path for path in places if path.lstat().st_mtime < now - LEFTOVER_DAYS * DAY]
    return sum(removed(path) for path in old)


def removed(path: Path) -> int:
    """Take a file or folder away; the bytes freed, none where that could not be."""
    with contextlib.suppress(OSError):
        size = size_of(path)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
        return size
    return 0
