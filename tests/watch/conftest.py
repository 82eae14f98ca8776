"""A loopback Hub with two authors of our own, a journal, and sweeps whose requests are counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.journal.database import Journal, open_journal
from bot.records import Change
from bot.settings import Settings
from bot.watch.found import SweepResult
from bot.watch.sweep import dealt_with, look_at, nightly, sweep
from bot.watch.watchlist import Watchlist, of_document
from bot.yaml_lines import Document

BASE = {
    "config.json": b'{"model_type": "qwen3"}',
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
}


class Upstream:
    """Authors on the Hub, the door to it, the journal, and the clock (an hour ahead of the Hub's)."""

    def __init__(self, hub: LoopbackHub, home: Path) -> None:
        self.hub, self.store = hub, Store(hub.root)
        self.author, self.other = (f"{name}{uuid.uuid4().hex[:8]}" for name in ("au", "ot"))
        self.settings = Settings(home=home, endpoint=hub.endpoint)
        self.door = HubDoor(self.settings, token="hf_me")
        self.journal: Journal = open_journal(self.settings)
        self.now = datetime.now(UTC) + timedelta(hours=1)

    def add(self, name: str, files: dict[str, bytes] | None = None) -> str:
        """A new repo (of `author`, unless another is named); returns its full name.

        It says its name in a file: equal repos that are made in one second have equal commits.
        """
        repo = name if "/" in name else f"{self.author}/{name}"
        self.store.create_repo("model", repo)
        self.commit(repo, (BASE if files is None else files) | {"name.txt": repo.encode()})
        return repo

    def commit(self, repo: str, files: dict[str, bytes]) -> str:
        return self.store.commit("model", repo, files)

    def watch(self, text: str = "", **top: str) -> Watchlist:
        """A watchlist of all of `author`, unless the text says otherwise."""
        text = text or f"authors: [{{author: {self.author}, since: 2020-01-01}}]"
        settings = {"account": "me", "recipes": "[q8]", "min_age": "0s"} | top
        lines = [f"{key}: {value}" for key, value in settings.items()]
        return of_document(Document("\n".join([*lines, text]).encode(), "watchlist.yaml"))

    def named(self, *repos: str, **top: str) -> Watchlist:
        """A watchlist of these repos alone."""
        return self.watch(f"repos: [{', '.join(f'{{repo: {repo}}}' for repo in repos)}]", **top)

    def sweep(self, watchlist: Watchlist | None = None, *, night: bool = False) -> SweepResult:
        """One sweep; `asked` says afterwards what it asked for."""
        self.hub.forget_requests()
        look = nightly if night else sweep
        return self.counted(look(watchlist or self.watch(), self.door, self.journal, self.now))

    def look_at(self, repo: str, watchlist: Watchlist | None = None) -> SweepResult:
        self.hub.forget_requests()
        return self.counted(look_at(watchlist or self.watch(), self.door, self.journal, repo, self.now))

    def counted(self, result: SweepResult) -> SweepResult:
        """The result, whose count must be what the Hub counted (a redirect is no request of its own)."""
        assert result.requests == len([one for one in self.hub.requests() if one.status != 307])
        return result

    @property
    def asked(self) -> list[str]:
        """The last sweep's requests: `listing`, `unchanged` (a listing answered by 304), or a path."""
        return [
            ("unchanged" if one.status == 304 else "listing")
            if one.path == "/api/models"
            else one.path.removeprefix("/api/models/").strip("/")
            for one in self.hub.requests()
        ]

    def take_up(self, result: SweepResult) -> None:
        """Deal with every change, as the daemon does."""
        for change in result.changes:
            dealt_with(self.journal, change, result.revisions.get(change.repo))

    def settled(self, watchlist: Watchlist | None = None) -> None:
        """Everything that is there now was found and taken up."""
        self.take_up(self.sweep(watchlist))
        assert self.sweep(watchlist).changes == ()

    def restart(self) -> None:
        """As another process would: nothing is left but the database."""
        self.journal.close()
        self.journal = open_journal(self.settings)


def said(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.repo, change.kind) for change in changes]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def upstream(running: LoopbackHub, tmp_path: Path) -> Iterator[Upstream]:
    made = Upstream(running, tmp_path)
    yield made
    made.journal.close()
    running.disarm()
