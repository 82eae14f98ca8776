"""The preview as a server: for this machine's own page only, and again after every way to save."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from bot.card.preview.preview import Preview
from bot.card.preview.server import PreviewServer, create_app
from bot.card.preview.source import EXAMPLE
from bot.errors import HostError
from tests.card.preview_pages import PATIENCE, own_templates, preview, serving, soon


@pytest.fixture
def client() -> TestClient:
    shown = preview()
    shown.refresh()
    return TestClient(create_app(shown), base_url="http://127.0.0.1:8000")  # without its watch


def test_the_page_is_served_with_its_parts(client: TestClient) -> None:
    """Page, style sheet, script, state and figures answer; what is not there is not found."""
    for path in ("/", "/preview.css", "/preview.js", "/state"):
        assert client.get(path).status_code == 200
    figure = re.search(r"/figures/[0-9a-f]+\.png", client.get("/state").json()["card"]["html"])
    assert figure is not None
    assert client.get(figure.group()).content.startswith(b"\x89PNG")
    assert client.get("/figures/nothing.png").status_code == 404
    assert client.get("/../pyproject.toml").status_code == 404


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test:8000", "0.0.0.0:8000", ""])
def test_another_name_for_this_machine_gets_nothing(client: TestClient, host: str) -> None:
    """A site whose name was pointed at this machine (DNS rebinding) is refused by the Host header."""
    assert client.get("/state", headers={"Host": host}).status_code == 400


def test_another_sites_page_gets_nothing(client: TestClient) -> None:
    """Its requests are refused, none of its scripts may read an answer, none of its frames may show one."""
    answer = client.get(
        "/state",
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.test"},
    )
    assert answer.status_code == 403
    assert "<" not in answer.text
    plain = client.get("/state", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in plain.headers
    assert plain.headers["cross-origin-resource-policy"] == "same-origin"
    policy = client.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe" not in policy


def test_a_taken_port_is_told() -> None:
    """Two previews on one port: the second ends with a sentence that says what to do."""
    first = PreviewServer(preview())
    with pytest.raises(HostError, match="choose another --port"):
        PreviewServer(preview(), int(first.address.rsplit(":", 1)[1]))


def test_the_command_says_where_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    """`bot card preview` prints its address, answers there, and ends without complaint at an interrupt."""
    command = [sys.executable, "-m", "bot", "card", "preview", "--facts", str(EXAMPLE)]
    environment = {**os.environ, "BOT_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdout is not None
        address = re.search(rb"http://127\.0\.0\.1:\d+", running.stdout.readline())
        assert address is not None
        answer = httpx2.get(f"{address.group().decode()}/state", trust_env=False)
        assert answer.json()["facts"].endswith("example.yaml")
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=PATIENCE)
        assert (running.returncode, complaints) == (0, b"")


def saves() -> list[tuple[str, Callable[[Path, str], None]]]:
    """The ways in which editors save."""

    def write(path: Path, text: str) -> None:
        path.write_text(text)

    def rename(path: Path, text: str) -> None:
        (path.parent / ".new~").write_text(text)
        (path.parent / ".new~").rename(path)

    def back_up_and_write(path: Path, text: str) -> None:
        if path.exists():
            path.rename(path.with_name(path.name + "~"))
        path.write_text(text)

    return [("write", write), ("rename", rename), ("back up", back_up_and_write)]


@pytest.mark.parametrize(("_", "save"), saves())
def test_every_way_to_save_is_seen_again_and_again(
    tmp_path: Path, _: str, save: Callable[[Path, str], None]
) -> None:
    """A template in the account's folder, a block below it, and the facts: each save is shown, twice each."""
    own = own_templates(tmp_path)
    facts = tmp_path / "facts.yaml"
    facts.write_text(EXAMPLE.read_text())
    shown = preview(str(facts), templates=own)
    with serving(shown):
        soon(lambda: shown.state.card is not None)
        time.sleep(0.3)  # the watch begins beside the first rendering
        for word in ("first", "second"):
            save(own / "blocks" / "made.md.j2", f"made {word}\n")
            shows(shown, f"made {word}")
            save(own / "quant.md.j2", f'template {word}\n\n{{% include "blocks/made.md.j2" %}}\n')
            shows(shown, f"template {word}")
            save(facts, EXAMPLE.read_text().replace("- heron\n", f"- {word}\n"))
            shows(shown, f"- {word}\n")


def shows(shown: Preview, words: str) -> None:
    soon(lambda: shown.state.card is not None and words in shown.state.card.markdown)
