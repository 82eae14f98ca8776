"""Hashes of files by which a Hub names them: sha256 for LFS files, git's blob id for the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

CHUNK = 8 << 20

Count = Callable[[int], None]
"""Told the bytes as they are read."""


def sha256_of(path: Path, count: Count = lambda _: None) -> str:
    """The file's sha256 in hex. Raises OSError."""
    return _digest(path, hashlib.sha256(), count)


def git_blob_of(path: Path, count: Count = lambda _: None) -> str:
    """The id git gives the file's content: sha1 of `blob SIZE\\0` and the bytes, in hex. Raises OSError."""
    start = f"blob {path.stat().st_size}\0".encode()
    return _digest(path, hashlib.sha1(start, usedforsecurity=False), count)


def _digest(path: Path, digest: hashlib._Hash, count: Count) -> str:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            count(len(chunk))
    return digest.hexdigest()
