"""The fetch child against the loopback Hub, with the real client in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
import msgspec
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from bot import child
from bot.errors import HostError, NotFound, UnsuitableBase, VerificationFailed
from bot.fetch import FetchRequest
from bot.fetch.bring import fetch
from bot.hub.faults import Fault
from bot.hub.process import LoopbackHub
from bot.huggingface import HubDoor
from bot.records import BaseRevision, RepoFile, Snapshot
from bot.settings import Settings

WEIGHTS = {"a.weight": mx.arange(4096, dtype=mx.float32), "b.weight": mx.ones((8, 8))}


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: LoopbackHub) -> LoopbackHub:
    shared_hub.disarm()
    shared_hub.forget_requests()
    return shared_hub


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    """The files of a small base, with some that must not be fetched."""
    mx.save_safetensors(str(tmp_path / "model.safetensors"), WEIGHTS)
    return {
        "model.safetensors": (tmp_path / "model.safetensors").read_bytes(),
        "config.json": b'{"model_type": "qwen3"}',
        "tokenizer.json": b"{}",
        "LICENSE": b"MIT",
        "modeling.py": b"raise SystemExit",
        "pytorch_model.bin": b"pickle",
        "README.md": b"# card",
    }


def publish(hub: LoopbackHub, repo: str, contents: dict[str, bytes]) -> BaseRevision:
    """A commit with these files on the Hub, as the bot sees it."""
    api = HfApi(endpoint=hub.endpoint, token="hf_ann")
    api.create_repo(repo, exist_ok=True)
    operations = [CommitOperationAdd(path, data) for path, data in contents.items()]
    commit = api.create_commit(repo, operations, commit_message="files")
    door = HubDoor(Settings(home=Path("unused"), endpoint=hub.endpoint))
    return door.base_revision(repo, commit.oid)


def request_for(hub: LoopbackHub, base: BaseRevision, folder: Path) -> FetchRequest:
    return FetchRequest(base=base, folder=str(folder), endpoint=hub.endpoint)


def fetched(hub: LoopbackHub, base: BaseRevision, folder: Path) -> Snapshot:
    """Fetch in this process, which saves a child's start."""
    return fetch(request_for(hub, base, folder), lambda _: None)


def test_exactly_the_asked_revision_comes(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """The branch has moved on since; what comes is the commit asked for, and only the files needed."""
    base = publish(hub, "ann/exact", contents)
    publish(hub, "ann/exact", {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"[]"})
    snapshot = child.run(
        "bot.fetch", request_for(hub, base, tmp_path / "cache"), Snapshot, log=tmp_path / "log"
    )
    root = Path(snapshot.path)
    assert (snapshot.repo, snapshot.sha) == ("ann/exact", base.sha)
    needed = {"model.safetensors", "config.json", "tokenizer.json", "LICENSE"}
    assert {file.path for file in snapshot.files} == {path.name for path in root.iterdir()} == needed
    for name in needed:
        assert (root / name).read_bytes() == contents[name]


def downloads(hub: LoopbackHub) -> list[str]:
    return [r.path for r in hub.requests() if r.method == "GET" and "/resolve/" in r.path]


def test_what_is_there_already_is_not_downloaded_again(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A second fetch verifies what is on disk and asks the Hub for no file."""
    base = publish(hub, "ann/again", contents)
    first = fetched(hub, base, tmp_path / "cache")
    assert len(downloads(hub)) >= 4
    hub.forget_requests()
    assert fetched(hub, base, tmp_path / "cache") == first
    assert downloads(hub) == []


def test_a_download_that_breaks_off_goes_on(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """The connection is cut in the middle of the weights; the rest comes with the next attempt."""
    base = publish(hub, "ann/cut", contents)
    hub.arm(Fault(kind="cut", path=r"model\.safetensors", method="GET", at=5000))
    snapshot = fetched(hub, base, tmp_path / "cache")
    assert (Path(snapshot.path) / "model.safetensors").read_bytes() == contents["model.safetensors"]


def test_a_flipped_bit_is_noticed_and_the_file_fetched_once_more(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """Right size, wrong hash: the file is thrown away and comes again."""
    base = publish(hub, "ann/flip", contents)
    hub.arm(Fault(kind="flip", path=r"model\.safetensors", method="GET", at=9000))
    snapshot = fetched(hub, base, tmp_path / "cache")
    assert (Path(snapshot.path) / "model.safetensors").read_bytes() == contents["model.safetensors"]
    assert sum("model.safetensors" in path for path in downloads(hub)) == 2


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_is_wrong_twice_is_not_believed(
    name: str, hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """Weights (sha256) or a small file (git blob id): the error names the file, and nothing wrong stays."""
    contents["tokenizer.json"] = b'{"version": "1.0"}'
    base = publish(hub, f"ann/wrong-{name[:5]}", contents)
    hub.arm(Fault(kind="flip", path=name, method="GET", at=9, times=2))
    with pytest.raises(VerificationFailed, match=name):
        fetched(hub, base, tmp_path / "cache")
    hub.disarm()
    snapshot = fetched(hub, base, tmp_path / "cache")
    assert (Path(snapshot.path) / name).read_bytes() == contents[name]


def test_a_file_changed_on_disk_is_fetched_anew(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """The cache is not believed either."""
    base = publish(hub, "ann/disk", contents)
    snapshot = fetched(hub, base, tmp_path / "cache")
    blob = (Path(snapshot.path) / "model.safetensors").resolve()
    blob.write_bytes(bytes(len(blob.read_bytes())))
    fetched(hub, base, tmp_path / "cache")
    assert (Path(snapshot.path) / "model.safetensors").read_bytes() == contents["model.safetensors"]


def test_a_link_out_of_the_cache_is_not_followed(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A file that somebody replaced by a link to elsewhere is replaced; what it pointed to is left alone."""
    base = publish(hub, "ann/link", contents)
    path = Path(fetched(hub, base, tmp_path / "cache").path) / "LICENSE"
    outside = tmp_path / "outside"
    outside.write_bytes(contents["LICENSE"])
    path.unlink()
    path.symlink_to(outside)
    fetched(hub, base, tmp_path / "cache")
    assert path.resolve().is_relative_to((tmp_path / "cache").resolve())
    assert outside.read_bytes() == contents["LICENSE"]


@pytest.mark.parametrize("cut", [4, 40, 9000])
def test_truncated_weights_are_refused_by_name(
    cut: int, hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """The Hub holds them truncated, so hashes agree; their header does not."""
    contents["model.safetensors"] = contents["model.safetensors"][:cut]
    base = publish(hub, f"ann/truncated-{cut}", contents)
    with pytest.raises(UnsuitableBase, match=r"model\.safetensors is truncated"):
        fetched(hub, base, tmp_path / "cache")


def test_pickles_only_is_refused_before_anything_comes(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A repo without safetensors costs no download."""
    del contents["model.safetensors"]
    base = publish(hub, "ann/pickle", contents)
    with pytest.raises(UnsuitableBase, match="pickles"):
        fetched(hub, base, tmp_path / "cache")
    assert downloads(hub) == []


def test_a_missing_shard_is_refused_before_the_others_come(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """The index names two shards, the repo holds one."""
    contents["model.safetensors.index.json"] = (
        b'{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'
    )
    base = publish(hub, "ann/shards", contents)
    with pytest.raises(UnsuitableBase, match=r"model-2\.safetensors"):
        fetched(hub, base, tmp_path / "cache")
    assert not any(path.endswith("/model.safetensors") for path in downloads(hub))


def test_a_base_larger_than_the_disk_is_refused_at_once(hub: LoopbackHub, tmp_path: Path) -> None:
    """What it needs and what is free, before a byte comes."""
    huge = RepoFile(path="model.safetensors", size=10**18, sha256="0" * 64)
    base = BaseRevision(repo="ann/huge", sha="0" * 40, files=(huge,))
    with pytest.raises(HostError, match=r"needs 1000000001\.1 GB"):
        fetched(hub, base, tmp_path / "cache")


def test_a_hub_that_stumbles_is_waited_for(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A 503 and a rate limit on the way: the fetch takes longer and succeeds."""
    base = publish(hub, "ann/stumbles", contents)
    hub.arm(Fault(kind="error", path="/tree/", status=503))
    hub.arm(Fault(kind="rate_limit", path="/resolve/", seconds=1))
    snapshot = fetched(hub, base, tmp_path / "cache")
    assert (Path(snapshot.path) / "config.json").read_bytes() == contents["config.json"]


def test_errors_of_the_hub_come_through_the_child(
    hub: LoopbackHub, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """A repo that is gone by the time of the fetch is NotFound in the parent."""
    base = publish(hub, "ann/gone", contents)
    gone = msgspec.structs.replace(base, repo="ann/never-there")
    with pytest.raises(NotFound, match="ann/never-there"):
        child.run("bot.fetch", request_for(hub, gone, tmp_path / "cache"), Snapshot, log=tmp_path / "log")
