"""What stays true when the server is killed, and when many write at once."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from bot.hub.process import LoopbackHub
from bot.hub.store import Store

from .conftest import client

REPO = "ann/model"
ROUNDS = 5
WRITERS = 3


def commit_pair(api: HfApi, number: str) -> str:
    """One commit of an LFS file and a regular one; returns its id."""
    return api.create_commit(
        REPO,
        [
            CommitOperationAdd(f"{number}.safetensors", os.urandom(60_000)),
            CommitOperationAdd(f"{number}.txt", number.encode()),
        ],
        commit_message=number,
    ).oid


def assert_whole(root: Path) -> list[str]:
    """Every commit's every file is there with the bytes it should have; returns the commit ids."""
    store = Store(root)
    log = list(store.log("model", REPO))
    for commit in log:
        assert {p for p in commit.files if p.endswith(".txt")} == {
            p.replace(".safetensors", ".txt") for p in commit.files if p.endswith(".safetensors")
        }
    for entry in {e.sha256: e for c in log for e in c.files.values()}.values():
        content = store.objects.path(entry.sha256).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.size, entry.sha256)
    return [commit.id for commit in log]


def write_until_dead(api: HfApi, writer: int, done: list[str], stop: threading.Event) -> None:
    for number in range(1000):
        if stop.is_set():
            return
        try:
            done.append(commit_pair(api, f"{writer}-{number}-{random.randrange(10**9)}"))
        except (HfHubHTTPError, httpx2.TransportError, RuntimeError):
            return


def test_a_killed_server_loses_no_commit_and_keeps_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL amid commits, again and again: what was acknowledged is there, and every commit is whole."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client's waits between its retries
    Store(tmp_path).create_repo("model", REPO)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        before = len(acknowledged)
        stop = threading.Event()
        with LoopbackHub.start(tmp_path) as hub, ThreadPoolExecutor(WRITERS) as pool:
            for writer in range(WRITERS):
                pool.submit(write_until_dead, client(hub, "ann"), writer, acknowledged, stop)
            deadline = time.monotonic() + 30
            while len(acknowledged) < before + 4 and time.monotonic() < deadline:
                threading.Event().wait(0.005)
            threading.Event().wait(random.random() * 0.1)
            hub.kill()
            stop.set()
        log = assert_whole(tmp_path)
        assert set(acknowledged) <= set(log)
    assert len(log) >= 4 * ROUNDS


def test_commits_of_many_clients_all_arrive(tmp_path: Path) -> None:
    """Eight clients on two servers over one folder: every commit is in one history, none twice."""
    Store(tmp_path).create_repo("model", REPO)
    with LoopbackHub.start(tmp_path) as one, LoopbackHub.start(tmp_path) as other:

        def write(writer: int) -> list[str]:
            api = client(one if writer % 2 else other, "ann")
            return [commit_pair(api, f"{writer}-{number}") for number in range(4)]

        with ThreadPoolExecutor(8) as pool:
            made = [commit for commits in pool.map(write, range(8)) for commit in commits]
    log = assert_whole(tmp_path)
    assert len(made) == 32
    assert set(log[:-1]) == set(made)


def test_a_guarded_commit_is_made_by_one_of_many(tmp_path: Path) -> None:
    """Eight commits on the same parent: one is made, seven are told the branch has moved."""
    Store(tmp_path).create_repo("model", REPO)
    parent = Store(tmp_path).resolve("model", REPO)
    with LoopbackHub.start(tmp_path) as hub:

        def write(writer: int) -> int:
            add = CommitOperationAdd("who.txt", str(writer).encode())
            try:
                client(hub, "ann").create_commit(REPO, [add], commit_message="me", parent_commit=parent)
            except HfHubHTTPError as error:
                return error.response.status_code
            return 200

        with ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(write, range(8)))
    assert answers == [200] + [412] * 7


def test_a_repo_is_created_by_one_of_many(tmp_path: Path) -> None:
    """Eight clients create the same repo at once: one does, seven hear of the conflict."""
    store = Store(tmp_path)

    def create(_: int) -> int:
        with LoopbackHubClient(hub) as http:
            return http.post("/api/repos/create", json={"name": "new", "organization": "ann"}).status_code

    with LoopbackHub.start(tmp_path) as hub, ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(create, range(8)))
    assert answers == [200] + [409] * 7
    assert store.repos("model") == ["ann/new"]


class LoopbackHubClient(httpx2.Client):
    """Plain HTTP as the user ann."""

    def __init__(self, hub: LoopbackHub) -> None:
        super().__init__(base_url=hub.endpoint, headers={"Authorization": "Bearer hf_ann"})


def test_what_a_killed_server_left_behind_is_swept(tmp_path: Path) -> None:
    """Parts of uploads that nobody finished are removed when a server starts, a day later."""
    store = Store(tmp_path)
    old, fresh = store.objects.scratch / "old", store.objects.scratch / "fresh"
    old.mkdir()
    fresh.write_bytes(b"somebody else's upload, under way")
    yesterday = time.time() - 100_000
    os.utime(old, (yesterday, yesterday))
    with LoopbackHub.start(tmp_path):
        assert [p.name for p in store.objects.scratch.iterdir()] == ["fresh"]


def test_a_restarted_server_takes_an_upload_it_had_asked_for(tmp_path: Path) -> None:
    """An LFS upload address outlives the server that gave it."""
    content = os.urandom(1000)
    sha256 = hashlib.sha256(content).hexdigest()
    Store(tmp_path).create_repo("model", REPO)
    batch = {"operation": "upload", "objects": [{"oid": sha256, "size": len(content)}]}
    with LoopbackHub.start(tmp_path) as hub, LoopbackHubClient(hub) as http:
        answer = http.post(f"/{REPO}.git/info/lfs/objects/batch", json=batch).json()
    address = answer["objects"][0]["actions"]["upload"]["href"].removeprefix(hub.endpoint)
    with LoopbackHub.start(tmp_path) as hub, LoopbackHubClient(hub) as http:
        assert http.put(address, content=content).status_code == 200
        assert http.put(address.replace(sha256, "0" * 64), content=content).status_code == 403
    assert Store(tmp_path).objects.size(sha256) == len(content)
