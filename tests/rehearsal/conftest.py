"""One loopback Hub with the bases and the datasets on it, and one scoring run that all tests read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import pytest

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.bases import BASES
from bot.rehearsal.seed import seed
from bot.settings import Settings, hub_environment

TASKS = ("arc_easy", "arc_challenge", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")
FULL = ("Tiny-Qwen3", "Tiny-LFM2-MoE")
"""Scored on all tasks, and at two bits on FACT_TASKS; the other three on FEW_TASKS, to save time."""
FACT_TASKS = ("arc_easy", "arc_challenge", "openbookqa")
FEW_TASKS = ("openbookqa", "piqa")


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Any]:
    """Scores: key (`NAME`, or `NAME@2` at two bits) -> task -> acc, acc_norm, n. Answers: name -> list.

    Made once a test run, by the first of its workers to ask; the others wait for it and read.
    """
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    out = folder / "rehearsal-scores.json"
    with filelock.FileLock(folder / "rehearsal-scores.lock"):
        if not out.exists():
            _score(folder / "rehearsal", out)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def _score(folder: Path, out: Path) -> None:
    """Put everything on a loopback Hub and score the bases from there, in a process of its own."""
    hub_root = folder / "hub"
    seed(Store(hub_root))
    asked = folder / "jobs.json"
    asked.write_text(json.dumps(_jobs()))
    command = [sys.executable, "-m", "tests.rehearsal.scoring", str(asked), str(out)]
    with LoopbackHub.start(hub_root) as hub:
        environment = hub_environment(Settings(home=folder / "home", endpoint=hub.endpoint))
        environment["OPENBLAS_NUM_THREADS"] = "1"
        done = subprocess.run(
            command, env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr[-3000:]


def _jobs() -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = []
    for base in BASES:
        tasks = TASKS if base.name in FULL else FEW_TASKS
        jobs.append({"key": base.name, "repo": base.repo, "bits": None, "tasks": tasks})
        if base.name in FULL:
            jobs.append({"key": f"{base.name}@2", "repo": base.repo, "bits": 2, "tasks": FACT_TASKS})
    return jobs
