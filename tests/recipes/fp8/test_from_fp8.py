"""`from-fp8` against a Hub: what is asked of it, and what is refused."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot import safetensors
from bot.errors import NotFound, UnsuitableBase, UsageError
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.huggingface import HubDoor
from bot.recipes.fp8.protected import protected
from bot.recipes.fp8.protecting import recipe_text
from bot.recipes.fp8.release import from_fp8
from bot.recipes.headers import FIRST_BYTES
from bot.recipes.names import parse
from bot.safetensors import Tensor
from bot.settings import Settings
from tests.recipes.fp8 import releases
from tests.recipes.fp8.releases import Release

LIKE = parse("qx86-hi")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub.start(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def door(hub: LoopbackHub, tmp_path: Path) -> HubDoor:
    return HubDoor(Settings(home=tmp_path, endpoint=hub.endpoint), token="hf_me")


def weights(tensors: Mapping[str, Tensor]) -> bytes:
    """A whole safetensors file of zeros, longer than what a header needs."""
    filler = {"filler.bias": Tensor(dtype="U8", shape=(2 * FIRST_BYTES,))}
    size = sum(tensor.nbytes for tensor in (*tensors.values(), *filler.values()))
    return safetensors.header_bytes({**tensors, **filler}) + bytes(size)


def publish(hub: LoopbackHub, files: Mapping[str, bytes]) -> tuple[str, str]:
    """A repo with these files; its name and its commit."""
    repo = f"someone/Base-FP8-{uuid.uuid4().hex[:8]}"
    store = Store(hub.root)
    store.create_repo("model", repo)
    sha = store.commit("model", repo, dict(files))
    hub.forget_requests()
    return repo, sha


def files_of(release: Release) -> dict[str, bytes]:
    """The release in two weight files, beside files that nobody needs for this."""
    names = sorted(release.headers)
    halves = ({name: release.headers[name] for name in names[start::2]} for start in range(2))
    shards = {f"model-0000{n}-of-00002.safetensors": weights(half) for n, half in enumerate(halves, 1)}
    quant = {"hf_quant_config.json": json.dumps(release.hf_quant).encode()} if release.hf_quant else {}
    return {
        "config.json": json.dumps(release.config).encode(),
        "tokenizer.json": b"{}",
        "README.md": b"# FP8",
        **shards,
        **quant,
    }


def test_a_release_is_read_by_ranges_and_small_files_alone(hub: LoopbackHub, door: HubDoor) -> None:
    """One look at the repo, its two configurations, one range of each weight file; nothing else."""
    release = releases.modelopt()
    repo, sha = publish(hub, files_of(release))
    made = from_fp8(door, repo, LIKE)
    asked = Counter((r.path.rpartition("/")[2], r.status) for r in hub.requests() if "/resolve/" in r.path)
    assert asked == {
        ("config.json", 200): 1,
        ("hf_quant_config.json", 200): 1,
        ("model-00001-of-00002.safetensors", 206): 1,
        ("model-00002-of-00002.safetensors", 206): 1,
    }
    assert len(hub.requests()) == 5
    assert (made.name, made.repo, made.sha) == ("fp8-qx86-hi", repo, sha)


def test_the_file_is_that_of_what_the_repo_holds(hub: LoopbackHub, door: HubDoor) -> None:
    """The same text as from the release at hand, with the repo and its commit named in it."""
    release = releases.modelopt()
    repo, sha = publish(hub, files_of(release))
    found = protected(release.config, release.hf_quant, release.headers)
    made = from_fp8(door, repo, LIKE)
    assert made.protected.roles == found.roles
    assert f"# Source: {repo}@{sha}" in made.text.splitlines()
    rules = recipe_text(LIKE, found, f"{repo}@{sha}").partition("\nrules:")[2]
    assert made.text.endswith(rules)
    assert "exclude_modules (4 entries)" in made.text


def test_a_revision_that_was_asked_for_is_read(hub: LoopbackHub, door: HubDoor) -> None:
    """The branch has moved on to something that is not FP8; the commit asked for still is."""
    repo, sha = publish(hub, files_of(releases.fbgemm()))
    Store(hub.root).commit("model", repo, {"config.json": b"{}"})
    made = from_fp8(door, repo, LIKE, sha)
    assert made.sha == sha
    assert made.protected.method == "fbgemm_fp8"


def test_a_repo_that_is_not_fp8_is_refused_by_name(hub: LoopbackHub, door: HubDoor) -> None:
    """The sentence begins with the repo and says what it is instead."""
    bf16 = {"model.layers.0.self_attn.q_proj.weight": Tensor(dtype="BF16", shape=(8, 8))}
    repo, _ = publish(hub, {"config.json": b"{}", "model.safetensors": weights(bf16)})
    with pytest.raises(UnsuitableBase, match=f"^{repo} is no FP8 release: .* its weights are BF16$"):
        from_fp8(door, repo, LIKE)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"model.safetensors": b""}, "has no config.json"),
        ({"config.json": b"{", "model.safetensors": b""}, "config.json is no valid JSON"),
        ({"config.json": b"[]", "model.safetensors": b""}, "config.json is no JSON object"),
        ({"config.json": b"{}", "model.bin": b"pickle"}, "no weights in safetensors"),
        ({"config.json": b"{}", "model.safetensors": b"abc"}, "model.safetensors is truncated"),
        ({"config.json": b"{}", "hf_quant_config.json": b"nan?"}, "hf_quant_config.json is no valid JSON"),
    ],
)
def test_a_broken_release_is_refused_in_a_sentence(
    hub: LoopbackHub, door: HubDoor, files: dict[str, bytes], says: str
) -> None:
    """What is wrong, and in which file."""
    repo, _ = publish(hub, files)
    with pytest.raises(UnsuitableBase, match=f"^{repo}:? .*{says}"):
        from_fp8(door, repo, LIKE)


def test_infinity_in_a_config_is_no_fault(hub: LoopbackHub, door: HubDoor) -> None:
    """Python writes numbers into config.json that JSON has not, and real models have them."""
    files = files_of(releases.fbgemm())
    files["config.json"] = files["config.json"].replace(b"{", b'{"time_step_limit": [0.0, Infinity], ', 1)
    repo, _ = publish(hub, files)
    assert from_fp8(door, repo, LIKE).protected.roles


def test_a_recipe_of_one_width_is_refused_before_anything_is_asked(hub: LoopbackHub, door: HubDoor) -> None:
    """No request is made for what cannot be followed."""
    repo, _ = publish(hub, files_of(releases.fbgemm()))
    with pytest.raises(UsageError, match="q8"):
        from_fp8(door, repo, parse("q8"))
    assert hub.requests() == []


def test_a_repo_that_is_not_there_is_not_found(door: HubDoor) -> None:
    """As everywhere."""
    with pytest.raises(NotFound, match="someone/nowhere"):
        from_fp8(door, "someone/nowhere", LIKE)
