"""The small files of a base and of its quants, on disk and verified: what a tokenizer is read from."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from bot.check.place import LARGEST_SMALL
from bot.errors import VerificationFailed
from bot.fetch.select import INDEX, side_files
from bot.fetch.verify import matches
from bot.huggingface import HubDoor
from bot.publish.card_commit import entry
from bot.publish.ledger import MANIFEST
from bot.records import BaseRevision, RepoFile


def base_files(door: HubDoor, base: BaseRevision, wanted: Iterable[str], into: Path) -> Path:
    """The base's small files at exactly its commit, and those `wanted` whatever their size.

    What is there already and right is not fetched again.

    Raises VerificationFailed where the Hub gives other bytes than it lists, UnsuitableBase for a file name
    that leaves its folder, and what the Hub's errors translate to.
    """
    for file in _small(base.repo, base.files, frozenset(wanted)):
        if not matches(into, into, file):
            _write(into / file.path, _fetched(door, base.repo, base.sha, file))
    return into


def quant_files(
    door: HubDoor, repo: str, sha: str, listed: Iterable[RepoFile], base: Path, into: Path
) -> Path:
    """The quant's small files as they stand at `sha`; those equal to the base's are links to its folder."""
    shutil.rmtree(into, ignore_errors=True)
    for file in _small(repo, listed):
        if matches(base, base, file):
            _link(into / file.path, base / file.path)
        else:
            _write(into / file.path, _fetched(door, repo, sha, file))
    return into


def with_files(quant: Path, base: Path, files: Iterable[str], removed: Iterable[str], into: Path) -> Path:
    """A folder like `quant`, with `files` of `base` in it and `removed` not."""
    shutil.rmtree(into, ignore_errors=True)
    there = {path.relative_to(quant).as_posix(): path for path in quant.rglob("*") if path.is_file()}
    there |= {path: base / path for path in files}
    for path in there.keys() - set(removed):
        _link(into / path, there[path])
    return into


def _small(repo: str, files: Iterable[RepoFile], wanted: frozenset[str] = frozenset()) -> list[RepoFile]:
    """What a tokenizer may be read from; no model's is as large as what is left out."""
    beside = (f for f in side_files(repo, files) if f.path not in (INDEX, MANIFEST))
    return [f for f in beside if f.size <= LARGEST_SMALL or f.path in wanted]


def _fetched(door: HubDoor, repo: str, sha: str, file: RepoFile) -> bytes:
    """The file's bytes, asked for twice where they are not what the Hub lists."""
    for _ in range(2):
        data = door.read(repo, file.path, sha)
        if data is not None and _is(file, entry(file.path, data)):
            return data
    raise VerificationFailed(
        f"{repo}: {file.path} does not have the hash the Hub states, twice: the Hub or the way to it "
        "corrupts files, try again later"
    )


def _is(listed: RepoFile, found: RepoFile) -> bool:
    if listed.size != found.size:
        return False
    return listed.sha256 == found.sha256 if listed.sha256 else not listed.oid or listed.oid == found.oid


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target.resolve())
