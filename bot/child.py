"""Child processes: where MLX and long downloads live, away from the daemon.

Parent side: `run(module, request, ...)` starts `python -m module`, hands it the
request, passes its progress on and returns its result. Child side: a module
ends with `serve(handler, RequestType)`.

The line protocol: the request is the first line on the child's standard input;
the pipe then stays open, and its end tells the child that the parent is gone
(works after SIGKILL, on Linux and on a Mac). The child answers in JSON lines on
its original standard output; whatever libraries print goes to the log.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from bot import blas, loopback
from bot.errors import BY_NAME, BotError, Cancelled, ChildDied, HostError
from bot.records import Record, from_json, to_json

Request = TypeVar("Request", bound=msgspec.Struct)
Result = TypeVar("Result", bound=msgspec.Struct)

KILL_AFTER = 5.0
"""Seconds between SIGTERM and SIGKILL for a child that is cancelled."""


class Progress(Record, frozen=True, kw_only=True):
    """How far a stage is. `done` of `total` in `unit` (bytes, tensors, questions, …)."""

    stage: str
    what: str
    done: float = 0.0
    total: float = 0.0
    unit: str = ""


class _Message(Record, frozen=True, kw_only=True):
    progress: Progress | None = None
    result: Any = None
    error: str | None = None
    kind: str | None = None


Report = Callable[[Progress], None]


# ------------------------------------------------------------------ child side


def serve(handler: Callable[[Request, Report], msgspec.Struct], request_type: type[Request]) -> None:
    """Be a child: read one request, answer with progress lines and one result or error."""
    answers = _take_stdout()
    loopback.keep_to_loopback_if_told()
    blas.load_openblas()
    request = from_json(request_type, msgspec.json.decode(sys.stdin.buffer.readline()))
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        result = handler(request, lambda progress: _send(answers, _Message(progress=progress)))
        _send(answers, _Message(result=to_json(result)))
    except BotError as error:
        _send(answers, _Message(error=str(error), kind=type(error).__name__))
    except MemoryError:
        _send(answers, _Message(error="this machine has not enough memory for it", kind="HostError"))
    except OSError as error:
        traceback.print_exc()
        _send(answers, _Message(error=_os_error(error), kind="HostError"))
    except Exception as error:  # noqa: BLE001  a mistake of ours: the log has it whole, people get a sentence
        traceback.print_exc()
        _send(answers, _Message(error=f"an unexpected {type(error).__name__}", kind="BotError"))
    answers.close()
    # Libraries leave threads behind that would keep a finished child alive.
    sys.stdout.flush()  # what libraries printed: it goes to the log, where it is buffered
    sys.stderr.flush()
    os._exit(0)


def _os_error(error: OSError) -> str:
    place = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{place}: free some space or mend the path, then run it again"


def _take_stdout() -> IO[bytes]:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _send(answers: IO[bytes], message: _Message) -> None:
    answers.write(msgspec.json.encode(message) + b"\n")
    answers.flush()


def _die_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


# ------------------------------------------------------------------ parent side


def run(
    module: str,
    request: msgspec.Struct,
    result_type: type[Result],
    *,
    log: Path,
    environment: dict[str, str] | None = None,
    on_progress: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Result:
    """Run `python -m module` on `request`; once more when it dies without an answer (a GPU abort, say).

    `environment` replaces the child's environment. Its standard error is appended to `log`.
    `cancelled` is asked about once a second.
    Raises the BotError the child reported, ChildDied after the second death, Cancelled.
    """
    deaths: list[str] = []
    for _ in range(2):
        message = _attempt(module, request, log, environment, on_progress, cancelled)
        if isinstance(message, str):
            deaths.append(message)
            continue
        if message.error is not None:
            kind = BY_NAME.get(message.kind or "", BotError)
            raise kind(f"{message.error} ({log} tells more)" if kind is BotError else message.error)
        return from_json(result_type, message.result)
    stage = module.removeprefix("bot.").split(".")[0]
    raise ChildDied(
        f"the {stage} process ended without an answer twice ({'; '.join(deaths)}): "
        f"see {log}, then try again (a run: `bot retry`)"
    )


def _attempt(
    module: str,
    request: msgspec.Struct,
    log: Path,
    environment: dict[str, str] | None,
    on_progress: Report,
    cancelled: Callable[[], bool],
) -> _Message | str:
    """The child's last message, or a few words on how it died."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as log_file, _started(module, log_file, environment) as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
        last: _Message | None = None
        for message in _messages(process, cancelled):
            if message.progress is not None:
                on_progress(message.progress)
            else:
                last = message
        code = process.wait()
    if last is not None:
        return last
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


@contextlib.contextmanager
def _started(
    module: str, log: IO[bytes], environment: dict[str, str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", module]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
        )
    except OSError as error:
        raise HostError(f"cannot start {module}: {error.strerror}") from error
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(KILL_AFTER)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _messages(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> Iterator[_Message]:
    """The child's messages until it closes its output; Cancelled when somebody says so meanwhile."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            if cancelled():
                raise Cancelled("cancelled by `bot cancel`") from None
            continue
        if line is None:
            return
        yield msgspec.json.decode(line, type=_Message)


def _pump(stdout: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    with contextlib.suppress(ValueError):  # closed under us when the child is ended
        for line in stdout:
            lines.put(line)
    lines.put(None)
