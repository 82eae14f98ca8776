"""Files and their hashes: what a folder holds, what the Hub says it holds, and where the two differ. Pure
but for reading the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bot.records import RepoFile

CHUNK = 1 << 22
NOT_OURS = (".gitattributes",)
"""Files the Hub makes by itself in every repo."""


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_oid_of(path: Path) -> str:
    """The id git gives the file's content: sha1 of `blob SIZE\\0` and the bytes."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def describe(folder: Path, paths: Iterable[str] | None = None) -> tuple[RepoFile, ...]:
    """Every file of the folder (or just `paths`) with size, sha256 and git blob id, sorted by path."""
    found = (
        sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        if paths is None
        else sorted(paths)
    )
    return tuple(
        RepoFile(
            path=path,
            size=(folder / path).stat().st_size,
            oid=git_oid_of(folder / path),
            sha256=sha256_of(folder / path),
        )
        for path in found
    )


def differences(expected: Iterable[RepoFile], on_hub: Iterable[RepoFile]) -> list[str]:
    """What the Hub's list says otherwise than ours, in words; empty when they agree.

    LFS files are compared by sha256, the others by git blob id; sizes always.
    """
    ours = {f.path: f for f in expected}
    theirs = {f.path: f for f in on_hub if f.path not in NOT_OURS}
    complaints = [f"{path} is missing on the Hub" for path in sorted(ours.keys() - theirs.keys())]
    complaints += [f"{path} on the Hub is not one of ours" for path in sorted(theirs.keys() - ours.keys())]
    for path in sorted(ours.keys() & theirs.keys()):
        mine, other = ours[path], theirs[path]
        if mine.size != other.size:
            complaints.append(f"{path} has {other.size} bytes on the Hub, {mine.size} here")
        elif other.sha256 is not None and other.sha256 != mine.sha256:
            complaints.append(f"{path} has another sha256 on the Hub")
        elif other.sha256 is None and other.oid != mine.oid:
            complaints.append(f"{path} has another content on the Hub")
    return complaints
