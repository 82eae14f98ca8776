"""A journal, an engine and the page over them; and the Chromium that looks at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from bot.journal.database import Journal, open_journal
from bot.settings import Settings
from bot.web.address import Address, Token
from bot.web.server import WebServer
from bot.web.views import Pulse
from tests.card.preview_pages import Figure
from tests.chromium import chromium
from tests.web import world

TOKEN = "a-token-of-thirty-two-characters"
PATIENCE = 20.0
"""Seconds after which a test gives up; a busy machine may be slow."""

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a home of this module's own, as the steps of runs find them in the environment too."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT_HOME", str(home))
        patch.setenv("HF_ENDPOINT", world.ENDPOINT)
        yield Settings(home=home, endpoint=world.ENDPOINT, account=world.ACCOUNT)


@pytest.fixture(scope="module")
def journal(known: Settings) -> Iterator[Journal]:
    opened = open_journal(known)
    yield opened
    opened.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Settings, Journal]]:
    """A home where nothing happened yet."""
    settings = Settings(home=tmp_path / "home", endpoint=world.ENDPOINT)
    opened = open_journal(settings)
    yield settings, opened
    opened.close()


def pulse() -> Pulse:
    """A daemon that does well."""
    now = time.time()
    return Pulse(last_sweep=now - 240, next_sweep=now + 1560, every=1800, started=now - 86_400)


def read(repo: str, path: str) -> bytes | None:
    """A file of a card as the Hub gives it: one figure in two colours, one that is no picture, none else."""
    if path == "figures/profile-light.png":
        return b"<script>run('figure')</script>"
    figure = Figure()
    return {"figures/family-light.png": figure.light, "figures/family-dark.png": figure.dark}.get(path)


class Served:
    """A running page: its address, and what it is made of."""

    def __init__(self, settings: Settings, journal: Journal, **address: Any) -> None:
        self.settings, self.journal = settings, journal
        self.server = WebServer(settings, journal, Address(port=0, **address), pulse, read=read)
        self.address = self.server.start()


@pytest.fixture(scope="module")
def served(known: Settings, journal: Journal) -> Iterator[Served]:
    """The page on loopback, over this module's state; the engine takes runs as `bot run` does."""
    with world.executing(known):
        page = Served(known, journal)
        yield page
        page.server.stop()


@pytest.fixture
def asking(fresh: tuple[Settings, Journal]) -> Iterator[Served]:
    """A page that asks for a token."""
    page = Served(*fresh, token=Token(TOKEN))
    yield page
    page.server.stop()
