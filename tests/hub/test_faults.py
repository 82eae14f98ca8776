"""The Hub fails as it is told to, and the real client meets it as it would the real failure."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile

from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub

from .conftest import Account


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited between its tries, without the waiting."""
    taken: list[float] = []
    monkeypatch.setattr("time.sleep", taken.append)
    return taken


def test_a_rate_limit_is_waited_out_as_told(hub: LoopbackHub, owner: Account, naps: list[float]) -> None:
    """A 429 carries the Hub's RateLimit headers, and the client waits that long before it asks again."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="rate_limit", path="/tree/", times=2, seconds=7))
    assert list(owner.api.list_repo_tree(repo))
    assert naps == [8.0, 8.0]


def test_a_server_error_strikes_as_often_as_asked(hub: LoopbackHub, owner: Account) -> None:
    """An armed 503 lets `skip` requests pass and strikes the next `times`."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="error", path=f"/api/models/{repo}$", skip=1, times=1))
    owner.api.model_info(repo)
    with pytest.raises(HfHubHTTPError) as error:
        owner.api.model_info(repo)
    assert error.value.response.status_code == 503
    owner.api.model_info(repo)


def test_a_cut_download_is_resumed(
    hub: LoopbackHub, owner: Account, tmp_path: Path, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends midway costs the rest of the file, not all of it."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)  # it keeps whole chunks only
    repo = owner.new_repo()
    content = os.urandom(300_000)
    owner.api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=repo)
    hub.arm(Fault(kind="cut", method="GET", path="/resolve/", at=100_000))
    path = owner.api.hf_hub_download(repo, "a.bin", cache_dir=tmp_path)
    assert Path(path).read_bytes() == content
    gets = [r for r in hub.requests() if r.method == "GET" and "/resolve/" in r.path]
    assert [(r.status, r.fault) for r in gets] == [(200, "cut"), (206, None)]


def test_a_commit_may_be_made_although_its_answer_is_lost(hub: LoopbackHub, owner: Account) -> None:
    """A cut answer: the client sees a failure, the Hub holds the commit."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="cut", path="/commit/"))
    with pytest.raises(httpx2.TransportError):
        owner.api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo)
    assert owner.api.file_exists(repo, "a.txt")


def test_a_cut_upload_leaves_nothing(hub: LoopbackHub, owner: Account, naps: list[float]) -> None:
    """An upload that ends midway is tried again by the client; the Hub keeps no part of the first try."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="cut", side="request", method="PUT", at=50_000))
    content = os.urandom(2_000_000)
    owner.api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=repo)
    puts = [(r.status, r.fault) for r in hub.requests() if r.method == "PUT"]
    assert [fault for _, fault in puts] == ["cut", None]
    assert puts[-1][0] == 200
    assert not list((hub.root / ".incoming").iterdir())


def test_a_flipped_bit_in_an_lfs_upload_is_refused(hub: LoopbackHub, owner: Account) -> None:
    """The Hub stores an LFS object only under the sha256 it has."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="flip", side="request", method="PUT", at=1000))
    with pytest.raises(RuntimeError) as error:
        owner.api.upload_file(path_or_fileobj=os.urandom(5000), path_in_repo="a.bin", repo_id=repo)
    assert "sha256" in str(error.value.__cause__)
    assert not owner.api.file_exists(repo, "a.bin")


def test_a_flipped_bit_in_a_commit_shows_in_the_hash(hub: LoopbackHub, owner: Account) -> None:
    """Nothing guards a regular file on its way: only the hash the Hub reports tells."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="flip", side="request", path="/commit/", file="config"))
    owner.api.upload_file(path_or_fileobj=b'{"a": 1}', path_in_repo="config.json", repo_id=repo)
    [info] = owner.api.get_paths_info(repo, "config.json")
    assert isinstance(info, RepoFile)
    assert info.size == 8
    assert info.blob_id != hashlib.sha1(b'blob 8\0{"a": 1}').hexdigest()


def test_a_flipped_bit_in_a_download_arrives(hub: LoopbackHub, owner: Account, tmp_path: Path) -> None:
    """A damaged download has the right size and the wrong content."""
    repo = owner.new_repo()
    content = os.urandom(200_000)
    owner.api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=repo)
    hub.arm(Fault(kind="flip", method="GET", path="/resolve/", at=150_000))
    got = Path(owner.api.hf_hub_download(repo, "a.bin", cache_dir=tmp_path)).read_bytes()
    assert [n for n in range(len(content)) if got[n] != content[n]] == [150_000]


def test_a_slow_answer_runs_into_the_clients_timeout(hub: LoopbackHub, owner: Account) -> None:
    """A slow Hub is slow: a client that waits less gives up."""
    repo = owner.new_repo()
    hub.arm(Fault(kind="slow", path=f"/api/models/{repo}$", seconds=0.5))
    with pytest.raises(httpx2.TimeoutException):
        owner.api.model_info(repo, timeout=0.1)


def test_the_request_log_holds_no_secret(hub: LoopbackHub, owner: Account) -> None:
    """Every request is logged with its status, and neither token nor upload signature is in the log."""
    repo = owner.new_repo()
    owner.api.upload_file(path_or_fileobj=os.urandom(500), path_in_repo="a.bin", repo_id=repo)
    log = hub.requests()
    assert ("POST", f"/api/models/{repo}/commit/main", 200) in [(r.method, r.path, r.status) for r in log]
    assert all("hf_ann" not in str(r) and "signature" not in str(r) for r in log)


def test_a_fault_that_says_nothing_known_is_refused(hub: LoopbackHub) -> None:
    """A misspelled fault is an error at once, not a test that passes for the wrong reason."""
    answer = httpx2.post(f"{hub.endpoint}/_loopback/faults", json={"kind": "sloww"})
    assert answer.status_code == 400
    assert "sloww" in answer.json()["error"]
