"""File contents by their sha256, under `objects/ab/cdef…`: written once, never changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from pathlib import Path
from types import TracebackType

import msgspec

from bot.hub.answers import Refused

CHUNK = 1 << 20
UNFINISHED_KEPT = 86_400.0
"""Seconds; an upload may take a while."""


def sync_folder(folder: Path) -> None:
    """Make a folder's entries (new or replaced names) survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes, scratch: Path) -> None:
    """Replace `path` with `content` in one step; `scratch` is a folder on the same disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = scratch / uuid.uuid4().hex
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_record(path: Path, record: msgspec.Struct, scratch: Path) -> None:
    """`record` as readable JSON, atomically."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n", scratch)


class Incoming:
    """One upload on its way: `write` as it comes, then `keep`; left behind, it is removed."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._path = objects.scratch / uuid.uuid4().hex
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def keep(self, sha256: str | None = None, size: int | None = None) -> str:
        """Store it and return its sha256; Refused (400) when it is not the content that was announced."""
        found = self._hash.hexdigest()
        if size is not None and size != self.size:
            raise Refused(400, f"the upload has {self.size} bytes where {size} were announced")
        if sha256 is not None and sha256 != found:
            raise Refused(400, f"the upload's sha256 is {found} where {sha256} was announced")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target = self._objects.path(found)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._path.replace(target)
        sync_folder(target.parent)
        return found

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class Objects:
    """The content-addressed part of a store. `scratch` holds what is not finished yet."""

    def __init__(self, root: Path) -> None:
        self.root = root / "objects"
        self.scratch = root / ".incoming"
        self.root.mkdir(parents=True, exist_ok=True)
        self.scratch.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what a killed process left unfinished more than a day ago."""
        for path in self.scratch.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - UNFINISHED_KEPT:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def path(self, sha256: str) -> Path:
        """Where that content is or would be."""
        return self.root / sha256[:2] / sha256[2:]

    def size(self, sha256: str) -> int | None:
        """Bytes of that content, None when the store does not hold it."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def receive(self) -> Incoming:
        return Incoming(self)

    def put(self, content: bytes | Path) -> str:
        """Store bytes or a file's content; returns the sha256."""
        if isinstance(content, bytes):
            found = hashlib.sha256(content).hexdigest()
            if self.size(found) == len(content):
                return found
            with self.receive() as incoming:
                incoming.write(content)
                return incoming.keep()
        with content.open("rb") as source, self.receive() as incoming:
            shutil.copyfileobj(source, incoming, CHUNK)
            return incoming.keep()
