"""Logs of `bot run` and `bot worker`: lines for people on standard error, and a bounded file that has it all.

    $BOT_HOME/logs/bot.log          at most FILES + 1 files of FILE_BYTES each; a worker's has its name

No secret gets in (`bot.redaction`), and no text of a stranger can pretend to be a line of its own: what is
not plain is written out, and lines of a traceback are set in.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import logging.handlers
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any, Literal

from bot import redaction
from bot.redaction import one_line, redacted
from bot.settings import Settings, token

Format = Literal["text", "json"]
FILE_BYTES = 5_000_000
FILES = 4
"""Older files beside the one that is written."""

LONGEST = 20_000
"""Characters of a message or traceback that are kept."""

READ = 5 * LONGEST
"""Characters that are looked at; no secret that the end of them cuts in two is among the first LONGEST."""

_about: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("about", default=None)
_RUN = re.compile(r"\b[a-z]{4,12}:([\w.\-]{1,100}/[\w.\-]{1,100})@[0-9a-f]{12}\+[\w.@+~\-]*[\w~]")
_REPO = re.compile(r"([\w.\-]{1,100}/[\w.\-]{1,100}) at [0-9a-f]{7,40} ")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "run", "repo"}


def set_up(settings: Settings, *, role: str = "bot", format: Format = "text") -> None:
    """Log to standard error and to `<role>.log` from now on; called again it replaces what it set up.

    `format` json: one object a line, in both places. Uncaught errors of any thread are logged too.
    """
    redaction.know_environment()
    redaction.REDACTOR.hide(token() or "")
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Kept)]:
        root.removeHandler(handler)
        handler.close()
    screen = _Screen(sys.stderr)
    screen.setFormatter(JsonLines() if format == "json" else TextLines(tracebacks=False))
    root.addHandler(screen)
    with contextlib.suppress(OSError):  # a full disk: what happens is still said on standard error
        folder = settings.state / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in role)[:60]
        file = _File(folder / f"{name}.log", maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")
        file.setFormatter(JsonLines() if format == "json" else TextLines())
        root.addHandler(file)
    root.setLevel(logging.WARNING)
    logging.getLogger("bot").setLevel(logging.INFO)
    logging.getLogger("bot").handlers = []
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(
        told.exc_type, told.exc_value or told.exc_type(), told.exc_traceback
    )


@contextlib.contextmanager
def about(*, run: str | None = None, repo: str | None = None) -> Iterator[None]:
    """Lines logged in this block say of which run and repo they are (in JSON, where they do not say it)."""
    given = {name: value for name, value in (("run", run), ("repo", repo)) if value}
    mark = _about.set((_about.get() or {}) | given)
    try:
        yield
    finally:
        _about.reset(mark)


class TextLines(logging.Formatter):
    """`2026-11-24 03:00:12 warning: what happened`; a traceback follows, each of its lines set in."""

    def __init__(self, *, tracebacks: bool = True) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        line = f"{at} {level}{one_line(_message(record))}"
        trace = _traceback(record)
        if trace and self._tracebacks:
            return "\n".join([line, *(f"  | {one_line(part)}" for part in trace.splitlines())])
        last = trace.strip().splitlines()[-1:]
        return line + "".join(f" ({one_line(text)})" for text in last)


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: time, level, logger, message; run, repo, error, extra where known."""

    def format(self, record: logging.LogRecord) -> str:
        known: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        told = _told_in(known["message"]) | (_about.get() or {})
        for name in ("run", "repo"):
            if value := getattr(record, name, None) or told.get(name):
                known[name] = redacted(str(value))
        if trace := _traceback(record):
            known["error"] = trace
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if extra:
            known["extra"] = {redacted(str(name)): _plain(value) for name, value in extra.items()}
        return json.dumps(known)


def _told_in(message: str) -> dict[str, str]:
    """The run and repo that a message names: a run's id, or a repo and its revision at the beginning."""
    if run := _RUN.search(message):
        return {"run": run[0], "repo": run[1]}
    repo = _REPO.match(message)
    return {"repo": repo[1]} if repo else {}


def _plain(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redacted(str(value)[:READ])[:LONGEST]


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit the message
        text = f"{record.msg} {record.args!r}"
    return redacted(text[:READ])[:LONGEST]


def _traceback(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(logging.Formatter().formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return redacted("\n".join(parts)[-READ:])[-LONGEST:]


class _Kept(logging.Handler):
    """A handler of ours. Where it cannot write (a full disk) the line is lost: logging's own complaint would
    print the arguments as they are."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        pass


class _Screen(_Kept, logging.StreamHandler[IO[str]]):
    """Standard error: the bot's own lines, and what others call an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == "bot" or record.name.startswith("bot.")
        return ours or record.levelno >= logging.ERROR


class _File(_Kept, logging.handlers.RotatingFileHandler):
    """The file, readable by its owner alone."""

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what a full disk did not take
            super().close()

    def _open(self) -> Any:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):  # as threading's own hook does
        return
    logging.getLogger("bot").error("an unexpected %s", kind.__name__, exc_info=(kind, error, trace))
