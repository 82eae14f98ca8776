"""Files on disk held against what the Hub says of them: size, hash, and whole safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from bot import safetensors
from bot.errors import UnsuitableBase
from bot.records import RepoFile

CHUNK = 8 << 20


def matches(root: Path, cache: Path, file: RepoFile, count: Callable[[int], None] = lambda _: None) -> bool:
    """True when `root/file.path` is a file inside `cache` with the Hub's size and hash.

    `count` is told the bytes as they are read.
    """
    path = (root / file.path).resolve()
    if not path.is_relative_to(cache.resolve()) or not path.is_file() or path.stat().st_size != file.size:
        return False
    if file.sha256:
        return _digest(path, hashlib.sha256(), count) == file.sha256.lower()
    if file.oid:
        blob = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)  # git's own naming
        return _digest(path, blob, count) == file.oid.lower()
    return True


def _digest(path: Path, digest: hashlib._Hash, count: Callable[[int], None]) -> str:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            count(len(chunk))
    return digest.hexdigest()


def remove(root: Path, cache: Path, file: RepoFile) -> None:
    """Delete a file and the cached blob behind it (inside `cache` only), so that it is fetched anew."""
    path = root / file.path
    blob = path.resolve()
    path.unlink(missing_ok=True)
    if blob != path and blob.is_relative_to(cache.resolve()):
        blob.unlink(missing_ok=True)


def refuse_broken(base: str, root: Path, files: tuple[RepoFile, ...]) -> None:
    """Raise UnsuitableBase naming the first of these safetensors files that is truncated or corrupt."""
    for file in files:
        try:
            safetensors.read_header(root / file.path)
        except safetensors.HeaderError as error:
            raise UnsuitableBase(f"{base}: {file.path} {error}: ask its author to upload it again") from error
