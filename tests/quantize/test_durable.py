"""Nothing half-written is ever taken for whole, and nothing whole is made twice."""

from __future__ import annotations

import fcntl
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import msgspec
import pytest

from bot.errors import HostError, UnsuitableBase, UsageError, VerificationFailed
from bot.quantize import QuantizeRequest, finished
from bot.quantize.family import quantize
from bot.records import ModelFolder, Snapshot
from tests.models import snapshot_of, tensors_in, write_base
from tests.quantize.conftest import Family, made, request_for

Families = Callable[[str], Family]
RECIPES = ("qx64-hi", "qx86")


def made_here(snapshot: Snapshot, out: Path, *recipes: str) -> dict[str, ModelFolder]:
    """Quantize in this process, which saves a child's start."""
    answer = quantize(request_for(snapshot, out, *recipes), lambda _: None)
    return {folder.recipe: folder for folder in answer.items}


def contents(folder: ModelFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder.path).iterdir()}


def started_and_killed(request: QuantizeRequest, after_reports: int, log: Path) -> None:
    """Run the child until it has reported so often, then SIGKILL it: unread, its pipe soon holds it up."""
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "bot.quantize"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        process.stdin.write(msgspec.json.encode(request) + b"\n")
        process.stdin.flush()
        for _ in range(after_reports):
            assert b"progress" in process.stdout.readline()
        process.kill()
        assert b'"result":{' not in process.stdout.read()


def shards_said_whole(out: Path) -> list[Path]:
    """The shards that the ledgers of unfinished quants name."""
    return [
        ledger.with_name(ledger.name.replace(".shards.json", ".partial")) / file["path"]
        for ledger in out.glob("*.shards.json")
        for file in json.loads(ledger.read_text())["files"]
    ]


@pytest.mark.parametrize("after_reports", [1, 60, 160])
def test_killed_in_the_middle_it_goes_on_from_the_last_whole_shard(
    after_reports: int, tmp_path: Path
) -> None:
    """SIGKILL, then again: whole shards are not written again, the result is byte for byte as undisturbed."""
    snapshot = snapshot_of(write_base(tmp_path / "base", "qwen3"))
    request = request_for(snapshot, tmp_path / "out", *RECIPES, largest=60_000)
    started_and_killed(request, after_reports, tmp_path / "log")
    whole = {path: path.stat().st_mtime_ns for path in shards_said_whole(tmp_path / "out")}
    assert whole or after_reports < 60

    folders = quantize(request, lambda _: None).items
    again = quantize(
        request_for(snapshot, tmp_path / "undisturbed", *RECIPES, largest=60_000), lambda _: None
    )

    for folder, undisturbed in zip(folders, again.items, strict=True):
        assert contents(folder) == contents(undisturbed)
    for path, written in whole.items():
        assert (path.parent.with_suffix("") / path.name).stat().st_mtime_ns == written
    assert not [*tmp_path.glob("out/*.partial"), *tmp_path.glob("out/*.shards.json")]


def _torn(folder: Path) -> None:
    _flip(sorted(folder.glob("*.safetensors"))[0])


def _strayed(folder: Path) -> None:
    (folder / "model-00009-of-00009.safetensors").write_bytes(b"x")


@pytest.mark.parametrize("damage", [_torn, _strayed])
def test_a_shard_counts_as_whole_only_while_its_hash_holds(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    """What a power cut tore, and what does not belong, is made anew or removed."""
    snapshot = snapshot_of(write_base(tmp_path / "base", "qwen3"))
    request = request_for(snapshot, tmp_path / "out", "qx86", largest=60_000)
    started_and_killed(request, 60, tmp_path / "log")
    damage(tmp_path / "out" / "Tiny-qx86-mlx.partial")
    made_again = quantize(request, lambda _: None).items[0]
    undisturbed = quantize(
        request_for(snapshot, tmp_path / "undisturbed", "qx86", largest=60_000), lambda _: None
    ).items[0]
    assert contents(made_again) == contents(undisturbed)


def test_a_whole_quant_is_made_once(family: Families) -> None:
    """Asked again, every folder is found whole and left untouched."""
    once = family("qwen3")
    before = {path: path.stat().st_mtime_ns for path in once.out.rglob("*")}
    again = made_here(once.snapshot, once.out, *RECIPES)
    assert {path: path.stat().st_mtime_ns for path in once.out.rglob("*")} == before
    assert again == {recipe: once.quants[recipe] for recipe in RECIPES}


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a changed byte": lambda folder: _flip(folder / "model.safetensors"),
    "a missing file": lambda folder: (folder / "LICENSE").unlink(),
    "a stale shard": lambda folder: (folder / "model-00002.safetensors").write_bytes(b"x"),
    "no record": lambda folder: (folder.parent / f"{folder.name}.record.json").unlink(),
    "a broken record": lambda folder: (folder.parent / f"{folder.name}.record.json").write_bytes(b"{"),
}


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _standing(out: Path, quant: ModelFolder) -> ModelFolder | None:
    """A copy of the quant in `out`, finished as the child finishes it, and looked for again."""
    partial = finished.partial(out, Path(quant.path).name)
    partial.mkdir(parents=True)
    for name, data in contents(quant).items():
        (partial / name).write_bytes(data)
    record = msgspec.structs.replace(quant, path=str(out / Path(quant.path).name))
    finished.finish(partial, record)
    return finished.found(out, Path(quant.path).name, quant.recipe_hash, quant.base, quant.base_sha)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_not_whole(damage: str, family: Families, tmp_path: Path) -> None:
    """A finished folder is recognised, and no longer once anything in it differs."""
    quant = family("qwen3").quants["qx86"]
    standing = _standing(tmp_path, quant)
    assert standing is not None
    DAMAGE[damage](Path(standing.path))
    name = Path(standing.path).name
    assert finished.found(tmp_path, name, quant.recipe_hash, quant.base, quant.base_sha) is None


def test_another_revision_or_recipe_is_not_the_same_quant(family: Families, tmp_path: Path) -> None:
    """The identity is the base's commit and the recipe's hash, not the name; a card in it is no harm."""
    quant = family("qwen3").quants["qx86"]
    standing = _standing(tmp_path, quant)
    assert standing is not None
    name = Path(standing.path).name
    (Path(standing.path) / "README.md").write_text("a card")
    assert finished.found(tmp_path, name, quant.recipe_hash, quant.base, quant.base_sha) == standing
    assert finished.found(tmp_path, name, quant.recipe_hash, quant.base, "b" * 40) is None
    assert finished.found(tmp_path, name, "0" * 64, quant.base, quant.base_sha) is None


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """What a full disk does to a write, done by the kernel to this process's children."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_leaves_nothing_that_looks_whole(family: Families, tmp_path: Path) -> None:
    """No room for the shard: one sentence, no finished folder; with room, the same request succeeds."""
    undisturbed = family("qwen3")
    out = tmp_path / "out"
    with no_file_larger_than(200_000), pytest.raises(HostError, match="is full"):
        made(undisturbed.snapshot, out, "qx86")
    assert not (out / "Tiny-qx86-mlx").exists()
    assert contents(made_here(undisturbed.snapshot, out, "qx86")["qx86"]) == contents(
        undisturbed.quants["qx86"]
    )


def test_no_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is known, so a disk without that much space is refused at once."""
    snapshot = snapshot_of(write_base(tmp_path / "base", "qwen3"))
    monkeypatch.setattr("bot.quantize.family.SPARE", 1 << 60)
    with pytest.raises(HostError, match=r"qx86 of someone/Tiny: .* GB are needed"):
        made_here(snapshot, tmp_path / "out", "qx86")


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/x", "a/b", "", "."])
def test_a_folder_name_cannot_leave_the_output(name: str, family: Families, tmp_path: Path) -> None:
    """The name of a quant is one folder in `out`, whoever asks."""
    request = request_for(family("qwen3").snapshot, tmp_path / "out", "qx86")
    with pytest.raises(UsageError, match="no name"):
        quantize(msgspec.structs.replace(request, names=(name,)), lambda _: None)


def _lacking_a_tensor(base: Path) -> None:
    tensors = tensors_in(base)
    del tensors["model.layers.0.mlp.up_proj.weight"]
    mx.save_safetensors(str(base / "model.safetensors"), tensors)


def _other_width(base: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"intermediate_size": 192}))


def _without_tokenizer(base: Path) -> None:
    (base / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [(_lacking_a_tensor, "Missing 1 parameters"), (_other_width, "shape"), (_without_tokenizer, "tokenizer")],
)
def test_a_base_that_does_not_fit_itself_is_refused(
    change: Callable[[Path], None], complaint: str, tmp_path: Path
) -> None:
    """Weights that do not fit the config, or no usable tokenizer: one sentence, no finished folder."""
    base = write_base(tmp_path / "base", "qwen3")
    change(base)
    with pytest.raises(UnsuitableBase, match=complaint) as error:
        made_here(snapshot_of(base), tmp_path / "out", "qx86")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "Tiny-qx86-mlx").exists()


def test_a_side_file_that_changed_since_the_fetch_is_not_carried_over(tmp_path: Path) -> None:
    """The license that is copied is the one whose hash was verified."""
    snapshot = snapshot_of(write_base(tmp_path / "base", "qwen3"))
    path = tmp_path / "base" / "LICENSE"
    path.write_text(path.read_text().swapcase())
    with pytest.raises(VerificationFailed, match="LICENSE"):
        made_here(snapshot, tmp_path / "out", "qx86")
