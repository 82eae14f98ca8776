"""The files that a quant carries over from its base unchanged."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bot.errors import VerificationFailed
from bot.records import RepoFile, Snapshot


def carry_over(snapshot: Snapshot, files: tuple[RepoFile, ...], folder: Path) -> tuple[RepoFile, ...]:
    """Copy `files` of the snapshot. Raises VerificationFailed when one has changed since the fetch."""
    return tuple(_copied(Path(snapshot.path), folder, file) for file in files)


def _copied(source: Path, folder: Path, file: RepoFile) -> RepoFile:
    data = (source / file.path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != file.size or digest != (file.sha256 or digest):
        raise VerificationFailed(
            f"{source / file.path} was changed since it was fetched: fetch the base again"
        )
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return RepoFile(path=file.path, size=len(data), sha256=digest)
