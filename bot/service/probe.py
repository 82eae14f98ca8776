"""A probe that a service manager runs as it would run the bot: does the model folder open for it, and does
it compute as fast as the shell does?

    python -m bot.service.probe FOLDER ANSWER.json

On a Mac the first access to some folders (a removable disk, Documents) asks the person at the screen, and
waits; a service at night would wait for ever. And a process of the wrong type is throttled.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bot.records import Record

FOLDER_SECONDS = 20.0
"""Seconds within which a file of the folder must be written and read."""

MATMUL_SECONDS = 1.0
SIZE = 1024
SLOWER = 0.5
"""A service that computes at less than this part of the shell's rate is throttled."""


class Probed(Record, frozen=True, kw_only=True):
    """What one probe found. `folder_error` None: the folder was written and read. `gflops`: 10^9 operations a
    second of a square matrix product, None where MLX does not run."""

    folder_error: str | None = None
    gflops: float | None = None
    device: str = ""


def folder_error(folder: Path, seconds: float = FOLDER_SECONDS) -> str | None:
    """Write, read and remove a file there, in a thread that may hang; None when all went well in time."""
    found: list[str | None] = []

    def try_it() -> None:
        path = folder / f".probe-{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"probe")
            same = path.read_bytes() == b"probe"
            path.unlink()
            found.append(None if same else "it gives back other bytes than were written")
        except OSError as error:
            found.append(error.strerror or type(error).__name__)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else f"it did not answer within {seconds:g} s"


def matmul_rate(seconds: float = MATMUL_SECONDS) -> tuple[float | None, str]:
    """The best rate of products of SIZE x SIZE half-precision matrices (2 n^3 operations each) in 10^9 a
    second, and the device; (None, why not) where MLX does not run."""
    try:
        import mlx.core as mx

        matrix = mx.random.normal((SIZE, SIZE)).astype(mx.float16)
        mx.eval(matrix)
        end, best = time.monotonic() + seconds, float("inf")
        while time.monotonic() < end:
            start = time.perf_counter()
            mx.eval(matrix @ matrix)
            best = min(best, time.perf_counter() - start)
        device = str(mx.default_device())
    except (ImportError, RuntimeError, OSError) as error:
        return None, f"MLX does not run ({type(error).__name__})"
    return 2 * SIZE**3 / best / 1e9, device


def verdict(folder: str, shell: Probed | None, service: Probed | None) -> Iterator[str]:
    """What a person should know of both probes, in sentences; pure."""
    if service is None:
        yield (
            f"warning: a probe under the service manager did not answer: look for a question on the screen "
            f"about {folder}, allow it, and install again"
        )
        return
    if service.folder_error is not None:
        yield (
            f"warning: the service cannot use {folder} ({service.folder_error}): allow it in System "
            "Settings, Privacy & Security, Files and Folders, or set BOT_HOME to a folder of this Mac's disk"
        )
    if shell is None or not shell.gflops or not service.gflops:
        yield f"warning: the speed could not be compared: {service.device or 'no answer in the shell'}"
    elif service.gflops < SLOWER * shell.gflops:
        yield (
            f"warning: the service computes at {service.gflops:,.0f} GFLOP/s and this shell at "
            f"{shell.gflops:,.0f}: it is throttled, or something else was running; install again to compare"
        )
    else:
        yield f"the service computes as this shell does ({service.gflops:,.0f} GFLOP/s, {service.device})"


def read(path: Path) -> Probed | None:
    """A finished probe's answer; None while there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Probed)
    except (OSError, msgspec.MsgspecError):
        return None


def main(folder: str, answer: str) -> None:
    """Probe, and write the answer in one piece."""
    gflops, device = matmul_rate()
    found = Probed(folder_error=folder_error(Path(folder)), gflops=gflops, device=device)
    draft = Path(f"{answer}.draft")
    draft.write_bytes(msgspec.json.encode(found))
    draft.replace(answer)
    os._exit(0)  # a thread that hangs in the folder must not keep the probe alive


if __name__ == "__main__":
    main(*sys.argv[1:3])
