"""The unattended life of one base, in one daemon: found, asked about, made, patched, frozen."""

from __future__ import annotations

import json
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi

from bot.hub.store import Store
from tests.flow.conftest import ACCOUNT, BASE, Bot, wait_for

TARGET = f"{ACCOUNT}/Tiny-Qwen3-qx64-hi-mlx"
SECRET = "what-the-hub-was-told"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Page:
    """The daemon's page, as the Hub's webhook and a program see it."""

    def __init__(self, bot: Bot) -> None:
        self._address = f"http://127.0.0.1:{free_port()}"
        bot.environment |= {"BOT_WEB": self._address.removeprefix("http://"), "BOT_WEBHOOK_SECRET": SECRET}

    def told(self, repo: str, secret: str = SECRET, body: bytes | None = None) -> int:
        """The status of a delivery that says the repo changed."""
        delivery = {
            "event": {"action": "update", "scope": "repo.content"},
            "repo": {"type": "model", "name": repo, "headSha": uuid.uuid4().hex},
            "webhook": {"id": "1", "version": 3},
        }
        headers = {"X-Webhook-Secret": secret, "Content-Type": "application/json"}
        content = body or json.dumps(delivery).encode()
        answer = httpx2.post(f"{self._address}/webhook", content=content, headers=headers, timeout=120)
        return int(answer.status_code)

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx2.get(f"{self._address}/healthz", timeout=30).json()
        return found


@pytest.fixture
def page(bot: Bot) -> Page:
    text = bot.watchlist.read_text().replace("approval: auto", "approval: ask\nevery: 6h")
    bot.watchlist.write_text(text)
    return Page(bot)


@pytest.fixture
def daemon(bot: Bot, page: Page, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A running daemon; the function ends it as a service manager would, and gives what it said."""
    said = tmp_path / "said.txt"
    process = bot.start("run", to=said)

    def ended() -> str:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        return said.read_text()

    try:
        yield ended
    finally:
        process.kill()
        process.wait()


def the_plan(bot: Bot, state: str, kind: str) -> dict[str, Any] | None:
    plans = bot.json("plan", "--all")
    return next((p for p in plans if p["state"] == state and p["proposal"]["kind"] == kind), None)


def test_a_base_is_found_asked_about_made_patched_and_frozen(
    bot: Bot, page: Page, daemon: Callable[[], str], store: Store, api: HfApi, reader: HfApi
) -> None:
    """Nothing is made before the yes; the yes makes it. A webhook says that the generation config changed: a
    yes later the quant has it, with the weights it had. Then the license changes: nothing of it is made, a
    no is remembered. The history tells it all, and no secret is in anything that was said."""
    new = wait_for(lambda: the_plan(bot, "waiting", "new"), 120, "the plan of the new base")
    assert [quant["repo"] for quant in new["proposal"]["plan"]["quants"]] == [TARGET]
    assert bot.stages() == []
    assert bot("approve", new["id"]).returncode == 0
    wait_for(lambda: the_plan(bot, "over", "new"), 240, "the quant to be made")
    assert reader.repo_exists(TARGET)
    weights = weights_of(reader)

    store.commit("model", BASE, {"generation_config.json": b'{"temperature": 0.3}'})
    assert page.told(BASE, secret="wrong") == 401
    assert page.told(BASE) == 202
    patch = wait_for(lambda: the_plan(bot, "waiting", "generation_config"), 60, "the plan of the patch")
    assert bot("approve", patch["id"]).returncode == 0
    wait_for(lambda: the_plan(bot, "over", "generation_config"), 180, "the patch")
    config = Path(reader.hf_hub_download(TARGET, "generation_config.json", cache_dir=bot.home / "look"))
    assert json.loads(config.read_text())["temperature"] == 0.3
    assert weights_of(reader) == weights

    store.commit("model", BASE, {"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n# Tiny\n"})
    assert page.told(BASE) == 202
    frozen = wait_for(lambda: the_plan(bot, "waiting", "license"), 60, "the freeze")
    assert bot("refuse", frozen["id"], "--why", "not for us").returncode == 0
    assert page.told(BASE) == 202
    assert the_plan(bot, "waiting", "license") is None

    assert page.health()["ok"]
    said = daemon()
    kinds = [event["kind"] for event in bot.json("history")]
    for kind in ("found", "waiting", "decided", "started", "published", "patched"):
        assert kind in kinds, kinds
    assert SECRET not in said
    assert "hf_" not in said


def weights_of(reader: HfApi) -> dict[str, str]:
    """The hashes of the quant's weights, by file."""
    info = reader.model_info(TARGET, files_metadata=True)
    return {s.rfilename: s.lfs.sha256 for s in info.siblings or () if s.lfs is not None}
