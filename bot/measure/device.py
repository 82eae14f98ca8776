"""The machine in words, for the card and the manifest."""

from __future__ import annotations

import math
import platform
import resource
from typing import Any

import mlx.core as mx
import psutil

GIB = 2**30


def description() -> str:
    """Such as "Apple M4 Max, 16 cores, 128 GiB, macOS 26.1, MLX on gpu, 107 GiB for Metal"."""
    info = device_info()
    parts = [
        info.get("device_name") or platform.machine(),
        f"{psutil.cpu_count()} cores",
        f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        _system(),
        f"MLX on {'cpu' if on_cpu() else 'gpu'}",
    ]
    if working_set := info.get("max_recommended_working_set_size"):  # Metal only; not run on Linux
        parts.append(f"{working_set / GIB:.0f} GiB for Metal")
    return ", ".join(parts)


def device_info() -> dict[str, Any]:
    """What MLX says about its default device: device_name, and on Metal the working set in bytes."""
    return dict(mx.device_info())


def on_cpu() -> bool:
    """True when MLX computes on the CPU by default."""
    return bool(mx.default_device() == mx.Device(mx.cpu))


def usable_memory() -> int:
    """Bytes a model may take here: Metal's working set, else what is free in RAM and left of a ulimit."""
    working_set = device_info().get("max_recommended_working_set_size")
    return int(working_set or min(psutil.virtual_memory().available, _left_of_limit()))


def _left_of_limit() -> float:
    """Bytes that this process may still take under `ulimit -d`; infinite without one."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    taken = psutil.Process().memory_info()
    return max(0, limit - getattr(taken, "data", taken.rss))


def usable_memory_is() -> str:
    """What `usable_memory` is, in words."""
    on_metal = device_info().get("max_recommended_working_set_size")
    return "Metal's working set" if on_metal else "free memory"


def _system() -> str:
    release = platform.mac_ver()[0]
    return f"macOS {release}" if release else platform.system()
