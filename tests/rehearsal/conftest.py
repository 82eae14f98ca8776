"""One loopback Hub with the bases and the datasets on it, and one scoring run that all tests read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
def rehearsal_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    root = tmp_path_factory.mktemp("rehearsal-hub")
    seed(Store(root))
    with LoopbackHub.start(root) as hub:
        yield hub


@pytest.fixture(scope="session")
def rehearsal_environment(
    rehearsal_hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    home = tmp_path_factory.mktemp("rehearsal-home")
    environment = hub_environment(Settings(home=home, endpoint=rehearsal_hub.endpoint))
    return environment | {"OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def scored(rehearsal_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Scores: key (`NAME`, or `NAME@2` at two bits) -> task -> acc, acc_norm, n. Answers: name -> list."""
    jobs: list[dict[str, Any]] = []
    for base in BASES:
        tasks = TASKS if base.name in FULL else FEW_TASKS
        jobs.append({"key": base.name, "repo": base.repo, "bits": None, "tasks": tasks})
        if base.name in FULL:
            jobs.append({"key": f"{base.name}@2", "repo": base.repo, "bits": 2, "tasks": FACT_TASKS})
    folder = tmp_path_factory.mktemp("scores")
    asked, out = folder / "jobs.json", folder / "out.json"
    asked.write_text(json.dumps(jobs))
    command = [sys.executable, "-m", "tests.rehearsal.scoring", str(asked), str(out)]
    done = subprocess.run(
        command, env=rehearsal_environment, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text())
    return found
