"""Checks of this machine: Python, MLX, OpenBLAS, git, disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bot import blas
from bot.doctor.finding import Finding, Place, fail, ok, warn
from bot.errors import HostError

PYTHONS = ((3, 11), (3, 14))
"""From this version on, and below this one (pyproject.toml's requires-python)."""
DISK_NEEDED = 5e9
DISK_WANTED = 100e9
"""Bytes: an 8B base with four quants takes some 50 GB while it is made."""
MLX_PROBE = """
from bot import blas
blas.load_openblas()
import mlx.core as mx
mx.eval(mx.ones((64, 64)) @ mx.ones((64, 64)))
from bot.measure import device
print(device.description())
"""
"""Run in a child: a GPU that aborts must not take the doctor with it."""
MLX_SECONDS = 120


def python(place: Place) -> Finding:
    version = sys.version.split()[0]
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return ok(version)
    return fail(HostError, f"Python {version} is not supported", "install Python 3.11, 3.12 or 3.13")


def mlx(place: Place) -> Finding:
    command = [sys.executable, "-c", MLX_PROBE]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=MLX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return fail(
            HostError, f"MLX did not answer in {MLX_SECONDS} s", "restart the machine, then try again"
        )
    if probe.returncode == 0:
        return ok(probe.stdout.strip())
    said = (probe.stderr.strip().splitlines() or [f"exit {probe.returncode}"])[-1]
    return fail(
        HostError,
        f"MLX does not compute here ({said[:200]})",
        "reinstall it: uv sync --reinstall-package mlx",
    )


def openblas(place: Place) -> Finding:
    if not sys.platform.startswith("linux"):
        return ok("not needed here")
    if blas.load_openblas():
        return ok(blas.LIBRARY)
    return warn(
        "OpenBLAS is missing: measuring is about a hundred times slower",
        "sudo apt-get install libopenblas0-pthread",
    )


def git(place: Place) -> Finding:
    found = shutil.which("git")
    if found:
        return ok(found)
    return warn("git is missing: cards cannot say which commit of a template made them", "install git")


def home(place: Place) -> Finding:
    folder = place.settings.home
    there = next(path for path in (folder, *folder.parents) if path.exists())
    problem = _not_writable(there)
    if problem:
        return fail(
            HostError, f"{folder} cannot be written ({problem})", "mend its permissions or set BOT_HOME"
        )
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.0f} GB free under {folder}"
    way_out = "free some space, or set BOT_HOME to a folder on another disk"
    if free < DISK_NEEDED:
        return fail(HostError, said, way_out)
    return ok(said) if free >= DISK_WANTED else warn(f"{said}: room for small bases only", way_out)


def _not_writable(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror
