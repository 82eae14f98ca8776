"""A preview for tests: figures of one colour, a Hub that says what a test wants, templates of its own."""

from __future__ import annotations

import contextlib
import shutil
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from bot.card.preview.preview import Draw, Preview
from bot.card.preview.server import PreviewServer
from bot.card.preview.source import source
from bot.card.template_folder import standard
from bot.huggingface import HubDoor

PATIENCE = 20.0
"""Seconds after which a test gives up. What is promised is a second; a busy machine may be slower."""


class Figure:
    """A figure as `bot.card.figures` makes them, one colour for light and one for dark pages."""

    name = "figure"
    path = "figures/figure.png"
    dark_path = "figures/figure-dark.png"
    alt = "A figure of one colour"
    width = 750

    def __init__(self, light: bytes = b"\x30\x60\xc0", dark: bytes = b"\x90\xb0\xff") -> None:
        self.light = png(750, 120, light)
        self.dark = png(750, 121, dark)  # one row more, by which a browser tells which one it shows


class Hub:
    """A door to a Hub that answers every question for a README.md alike; an error is raised."""

    def __init__(self, readme: bytes | Exception | None) -> None:
        self.readme = readme

    def read(self, repo: str, path: str) -> bytes | None:
        if isinstance(self.readme, Exception):
            raise self.readme
        return self.readme

    def url(self, repo: str) -> str:
        return f"https://hub.test/{repo}"


def preview(
    facts: str | None = None,
    *,
    templates: Path | None = None,
    hub: Hub | None = None,
    draw: Draw = lambda facts, board: (Figure(),),
) -> Preview:
    """As the command makes it, but for figures and Hub."""
    door = cast(HubDoor, hub or Hub(None))
    return Preview(source(facts), lambda: door, draw, templates=templates)


@contextlib.contextmanager
def serving(shown: Preview) -> Iterator[str]:
    """The preview's address while it is served; it must end when it is told to."""
    server = PreviewServer(shown)
    ready = threading.Event()
    running = threading.Thread(target=server.run, args=(lambda _: ready.set(),), daemon=True)
    running.start()
    try:
        assert ready.wait(PATIENCE), "the server did not start"
        yield server.address
    finally:
        server.stop()
        running.join(PATIENCE)
    assert not running.is_alive(), "the server did not stop"


def own_templates(folder: Path) -> Path:
    """An account's own folder, with the standard card in it."""
    own = folder / "templates"
    (own / "blocks").mkdir(parents=True)
    shutil.copy(standard() / "quant.md.j2", own)
    return own


def soon(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; fails when it is not after PATIENCE."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


def png(width: int, height: int, colour: bytes) -> bytes:
    """A picture of one colour (three bytes: red, green, blue)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + colour * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
