"""The real `bot` against a real loopback Hub: a process for each command, a BOT_HOME for each test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from huggingface_hub import HfApi

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.seed import seed

ACCOUNT = "tester"
BASE = "rehearsal-bases/Tiny-Qwen3"

WATCHLIST = f"""\
account: {ACCOUNT}
recipes: [qx64-hi]
approval: auto
min_age: 0s
measure:
  tasks: [boolq, piqa]
  limit: 6
  perplexity_samples: 2
  perplexity_sequence_length: 64
  prompt_tokens: 16
  generation_tokens: 8
  speed_trials: 1
repos:
  - repo: {BASE}
"""


class Bot:
    """One publisher's bot: its home, its Hub, its watchlist; every call is a process of its own."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.home = folder / "home"
        self.endpoint = endpoint
        self.watchlist = folder / "watchlist.yaml"
        self.watchlist.write_text(WATCHLIST)
        self.environment = {
            **os.environ,
            "BOT_HOME": str(self.home),
            "BOT_WATCHLIST": str(self.watchlist),
            "HF_ENDPOINT": endpoint,
            "HF_TOKEN": f"hf_{ACCOUNT}",
            "PYTHONUNBUFFERED": "1",
            "BOT_WEB": "off",  # daemons of several tests run at once, and the page's usual port is one
        }
        self.environment.pop("HF_HOME", None)

    def __call__(
        self, *arguments: str, timeout: float = 240, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            env=self.environment | environment,
            cwd=self.watchlist.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def start(self, *arguments: str, to: Path | None = None) -> subprocess.Popen[str]:
        """Start it and go on; what it says goes into `to`, where it is more than a pipe holds."""
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(to.open("wb")) if to is not None else subprocess.PIPE
            return subprocess.Popen(
                [sys.executable, "-m", "bot", *arguments],
                env=self.environment,
                cwd=self.watchlist.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                text=True,
            )

    def json(self, *arguments: str) -> Any:
        """Run with --json and read the answer; the command must succeed."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def events(self) -> list[dict[str, Any]]:
        """Everything every run reported so far, in order."""
        lines = [
            line
            for path in sorted(self.home.glob("hubs/*/runs/*/events.jsonl"))
            for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines]

    def stages(self) -> list[str]:
        return [event["progress"]["stage"] for event in self.events()]

    def next_time(self, stage: str) -> Callable[[], bool]:
        """A question to poll: has the stage begun once more than it has by now?"""
        before = self.stages().count(stage)
        return lambda: self.stages().count(stage) > before

    def forget(self) -> None:
        """As if this were another machine: nothing of BOT_HOME is left."""
        shutil.rmtree(self.home, ignore_errors=True)


def wait_for(condition: Callable[[], Any], seconds: float = 60, what: str = "it") -> Any:
    """Poll until the condition holds; a test that waits in vain says for what."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def kill(process: subprocess.Popen[Any]) -> None:
    """SIGKILL, as a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def children_of(process: subprocess.Popen[str], module: str) -> list[psutil.Process]:
    """The MLX children of a running bot, by the module they run."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
        return [child for child in family if module in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


def children_left(home: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if "bot.measure" in (process.info["cmdline"] or []) and str(home) in str(process.info["environ"])
    ]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hub's folder with the five bases and the stand-in data."""
    root = tmp_path_factory.mktemp("seeded")
    seed(Store(root))
    return root


@pytest.fixture
def hub(tmp_path: Path, seeded: Path) -> Iterator[LoopbackHub]:
    shutil.copytree(seeded, tmp_path / "hub")
    with LoopbackHub.start(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def store(hub: LoopbackHub) -> Store:
    """The Hub's files, to put things there without a client."""
    return Store(hub.root)


@pytest.fixture
def bot(tmp_path: Path, hub: LoopbackHub) -> Bot:
    return Bot(tmp_path, hub.endpoint)


@pytest.fixture
def api(hub: LoopbackHub) -> HfApi:
    """The real client, as the account's owner."""
    return HfApi(endpoint=hub.endpoint, token=f"hf_{ACCOUNT}")


@pytest.fixture
def reader(hub: LoopbackHub) -> HfApi:
    """The real client without any token: what the world sees."""
    return HfApi(endpoint=hub.endpoint, token=False)
