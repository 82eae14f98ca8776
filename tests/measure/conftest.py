"""One loopback Hub that serves the stand-in datasets to all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import settings
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.datasets import standins


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a child process that sees the stand-in datasets under their real ids."""
    root = tmp_path_factory.mktemp("hub")
    store = Store(root)
    for repo, files in standins().items():
        store.create_repo("dataset", repo)
        store.commit("dataset", repo, files)
    with LoopbackHub.start(root) as hub:
        home = tmp_path_factory.mktemp("home")
        yield settings.hub_environment(settings.Settings(home=home, endpoint=hub.endpoint))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"
