"""A worker: an executor as the fleet sees it, and what it says of the machine it stands on."""

from __future__ import annotations

import platform
import socket
import subprocess
import sys
from typing import Any

import msgspec
import psutil

from bot.records import Record

PROBE = """
from bot import blas
blas.load_openblas()
from bot.measure import device
print(device.usable_memory())
"""
"""Run in a child, on a Mac only: the process that asks never imports mlx."""
PROBE_SECONDS = 60


class Worker(Record, frozen=True, kw_only=True):
    """What an executor is good for. `memory_bytes` is what a model may take; `beat_at` (Unix seconds, by the
    database's clock on Postgres) when it last said that it lives. `facts`: version and system, for people.
    """

    executor: str
    host: str = ""
    tags: tuple[str, ...] = ()
    memory_bytes: int = 0
    beat_at: float = 0.0
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


def this_machine(
    executor: str, tags: tuple[str, ...] = (), memory_bytes: int | None = None, *, version: str = ""
) -> Worker:
    """This machine as a worker: its own tags and `tags`, its memory unless told."""
    own = default_tags(sys.platform, chip())
    return Worker(
        executor=executor,
        host=socket.gethostname(),
        tags=tuple(dict.fromkeys((*own, *tags))),
        memory_bytes=usable_memory() if memory_bytes is None else memory_bytes,
        facts={"engine": version, "system": f"{platform.system()} {platform.machine()}"},
    )


def default_tags(system: str, brand: str) -> tuple[str, ...]:
    """The tags of a machine: `linux-cpu`; or `mac`, its chip (`m3-ultra`) and its class (`mac-ultra`).

    `system` as sys.platform, `brand` such as `Apple M3 Ultra`.
    """
    if system != "darwin":
        return (f"{'linux' if system.startswith('linux') else system}-cpu",)
    words = brand.lower().removeprefix("apple").split()
    if not words:
        return ("mac",)
    return ("mac", "-".join(words), *(f"mac-{word}" for word in words[1:]))


def chip() -> str:
    """The processor's name on a Mac (not run on Linux), empty elsewhere."""
    if sys.platform != "darwin":
        return ""
    asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip()


def usable_memory() -> int:
    """Bytes that a model may take here: Metal's working set on a Mac (not run on Linux), else the RAM."""
    memory = psutil.virtual_memory().total
    if sys.platform != "darwin":
        return memory
    try:
        command = [sys.executable, "-c", PROBE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=True)
        return int(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return memory * 3 // 4  # what Metal grants where nothing else is known
