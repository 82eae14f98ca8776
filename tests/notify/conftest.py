"""Real local servers that take notifications, refuse them, or never answer; a real journal on disk."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest

from bot import redaction
from bot.journal.database import Journal, open_journal
from bot.redaction import Redactor
from bot.settings import Settings

PASSWORD = "p4ssw0rd-of-mine"


class Inbox:
    """A service: what it was told, and how it answers from now on."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: Literal["200", "500", "never"] = "200"
        self.released = threading.Event()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.asked += 1
                if inbox.answers == "never":
                    inbox.released.wait(30)
                    return
                self.send_response(int(inbox.answers))
                self.send_header("Content-Length", "0")
                self.end_headers()
                if inbox.answers == "200":
                    inbox.told.append(json.loads(body))

            def do_GET(self) -> None:
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its apprise URL, with a password in it."""
        return f"json://me:{PASSWORD}@127.0.0.1:{self.server.server_port}/hook-of-mine"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.told]

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.stop()


@pytest.fixture
def other() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.stop()


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a bot whose Hub knows nothing."""
    hub = Inbox()
    yield Settings(home=tmp_path / "home", endpoint=f"http://127.0.0.1:{hub.server.server_port}")
    hub.stop()


@pytest.fixture
def journal(known: Settings) -> Iterator[Journal]:
    opened = open_journal(known)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _own_redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test hides is no secret to the next."""
    fresh = Redactor()
    monkeypatch.setattr(redaction, "REDACTOR", fresh)
    monkeypatch.setattr("bot.notify.services.REDACTOR", fresh)
    for name in ("BOT_NOTIFY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
