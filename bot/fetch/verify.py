"""Files on disk held against what the Hub says of them: size, hash, and whole safetensors."""

from __future__ import annotations

from pathlib import Path

from bot import safetensors
from bot.errors import UnsuitableBase
from bot.hashes import Count, git_blob_of, sha256_of
from bot.records import RepoFile


def matches(root: Path, cache: Path, file: RepoFile, count: Count = lambda _: None) -> bool:
    """True when `root/file.path` is a file inside `cache` with the Hub's size and hash.

    `count` is told the bytes as they are read.
    """
    path = (root / file.path).resolve()
    if not path.is_relative_to(cache.resolve()) or not path.is_file() or path.stat().st_size != file.size:
        return False
    if file.sha256:
        return sha256_of(path, count) == file.sha256.lower()
    if file.oid:
        return git_blob_of(path, count) == file.oid.lower()
    return True


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
