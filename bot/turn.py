"""One MLX process at a time on this machine: the GPU is one, and so is the memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock


@contextlib.contextmanager
def mlx_turn(home: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold this machine's turn at MLX. While another process has it, `on_wait` is called about once a second;
    what it raises ends the waiting."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "mlx.lock", thread_local=False)
    while True:
        try:
            lock.acquire(timeout=1.0)
            break
        except filelock.Timeout:
            on_wait()
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.release()
