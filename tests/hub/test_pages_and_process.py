"""What a person sees, and how the server comes up and goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from bot.errors import HostError
from bot.hub.pages import render_card
from bot.hub.process import LoopbackHub
from bot.hub.server import serve
from bot.hub.store import Store

from .conftest import Account, client


def test_a_repo_has_a_page(hub: LoopbackHub, owner: Account) -> None:
    """The page of a public repo shows card, files, hashes and collections; a private one has none."""
    repo = owner.new_repo()
    card = b"---\nlicense: mit\n---\n# The *card*\n\n| task | acc |\n|--|--|\n| piqa | 0.8 |\n"
    owner.api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo)
    made = owner.api.create_collection(f"Page {time.time_ns()}")
    owner.api.add_collection_item(made.slug, repo, "model", note="look")
    page = httpx2.get(f"{hub.endpoint}/{repo}").text
    assert "<h1>The <em>card</em></h1>" in page
    assert "<td>piqa</td>" in page
    assert f"/collections/{made.slug}" in page
    assert repo in httpx2.get(f"{hub.endpoint}/").text
    assert "look" in httpx2.get(f"{hub.endpoint}/collections/{made.slug}").text
    owner.api.update_repo_settings(repo, private=True)
    assert httpx2.get(f"{hub.endpoint}/{repo}").status_code == 404
    assert repo not in httpx2.get(f"{hub.endpoint}/").text
    assert repo not in httpx2.get(f"{hub.endpoint}/collections/{made.slug}").text


def test_a_cards_html_is_text() -> None:
    """Markup in a card is shown, not run; only plain folding blocks fold."""
    html = render_card(
        "---\na: 1\n---\n<script>x()</script>\n\n<details>\n\n[a](javascript:x())\n\n</details>\n"
    )
    assert "<script" not in html
    assert "href" not in html
    assert "<details>" in html
    assert "<details onclick" not in render_card("<details onclick=x()>\n")


def test_a_served_file_is_not_run_by_a_browser(hub: LoopbackHub, owner: Account) -> None:
    """HTML in a repo is served as bytes under a policy that allows nothing."""
    repo = owner.new_repo()
    owner.api.upload_file(path_or_fileobj=b"<script>", path_in_repo="x.html", repo_id=repo)
    answer = httpx2.get(f"{hub.endpoint}/{repo}/resolve/main/x.html")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_files_of_main_lie_in_a_folder_to_look_at(hub: LoopbackHub, owner: Account) -> None:
    """ROOT/models/OWNER/NAME/main holds the repo's files as they are on main."""
    repo = owner.new_repo()
    owner.api.upload_file(path_or_fileobj=b"1", path_in_repo="sub/a.txt", repo_id=repo)
    owner.api.upload_file(path_or_fileobj=b"2", path_in_repo="b.txt", repo_id=repo)
    owner.api.delete_file("sub/a.txt", repo_id=repo)
    main = hub.root / "models" / repo / "main"
    assert sorted(p.name for p in main.iterdir()) == [".gitattributes", "b.txt"]
    assert (main / "b.txt").read_bytes() == b"2"


def test_an_open_hub_lets_any_token_write_anywhere(tmp_path: Path) -> None:
    """With open_, the user of any token may create and change repos in every namespace."""
    with LoopbackHub.start(tmp_path, open_=True) as hub:
        client(hub, "ann").create_repo("carol/model", private=True)
        other = HfApi(endpoint=hub.endpoint, token="anything")
        other.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id="carol/model")
        with pytest.raises(HfHubHTTPError):
            HfApi(endpoint=hub.endpoint, token=False).create_repo("carol/other")


def test_what_was_seeded_is_served(tmp_path: Path) -> None:
    """Files put into a store without HTTP are what a server over that folder serves; gating too."""
    store = Store(tmp_path)
    store.create_repo("model", "acme/base")
    (tmp_path / "weights").write_bytes(b"\0" * 1000)
    sha = store.commit(
        "model", "acme/base", {"model.safetensors": tmp_path / "weights", "config.json": b"{}"}
    )
    store.set_gated("model", "acme/base", "auto", readers=["ann"])
    with LoopbackHub.start(tmp_path) as hub:
        info = client(hub, "ann").model_info("acme/base", files_metadata=True)
        assert (info.sha, info.gated) == (sha, "auto")
        got = client(hub, "ann").hf_hub_download("acme/base", "model.safetensors", cache_dir=tmp_path / "c")
    assert Path(got).read_bytes() == b"\0" * 1000


def test_the_server_ends_with_its_parent(tmp_path: Path) -> None:
    """A Hub whose parent is killed is gone a moment later."""
    script = (
        "import sys, time; from pathlib import Path; from bot.hub.process import LoopbackHub\n"
        "hub = LoopbackHub.start(Path(sys.argv[1])); print(hub.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child] or child.status() == psutil.STATUS_ZOMBIE


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """A port in use and a root that is a file end in one sentence with the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HostError, match="choose another --port"):
            serve(tmp_path / "hub", taken.getsockname()[1])
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="choose another --root"):
        serve(tmp_path / "file")


def test_hub_serve_prints_what_to_export(tmp_path: Path) -> None:
    """`bot hub serve` says where it answers and how to point the client at it, and ends on Ctrl-C."""
    arguments = ["hub", "serve", "--root", str(tmp_path / "hub"), "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert server.stdout is not None
    lines = [server.stdout.readline() for _ in range(6)]
    exports = dict(line.split()[1].split("=", 1) for line in lines if line.strip().startswith("export"))
    assert set(exports) == {"HF_ENDPOINT", "HF_HUB_DISABLE_XET", "HF_HOME", "HF_TOKEN"}
    assert httpx2.get(f"{exports['HF_ENDPOINT']}/api/models").json() == []
    server.send_signal(signal.SIGINT)
    started = time.monotonic()
    server.wait(10)
    server.stdout.close()
    assert time.monotonic() - started < 5
