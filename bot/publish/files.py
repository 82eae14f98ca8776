"""Files and their hashes: what a folder holds, what the Hub says it holds, and where the two differ. Pure
but for reading the files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.hashes import git_blob_of, sha256_of
from bot.records import RepoFile

GIT_BYTES = 50_000_000
"""No Hub keeps a larger file as plain git content, so its blob id is of no use."""
CARD = "README.md"
"""The model card: the one file that people edit on the Hub."""

NOT_OURS = (".gitattributes",)
"""Files the Hub makes by itself in every repo."""


def describe(folder: Path, paths: Iterable[str] | None = None) -> tuple[RepoFile, ...]:
    """Every file of the folder (or just `paths`): size, sha256, git blob id (small ones), sorted by path."""
    found = (
        sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        if paths is None
        else sorted(paths)
    )
    return tuple(
        RepoFile(
            path=path,
            size=(folder / path).stat().st_size,
            oid=git_blob_of(folder / path) if (folder / path).stat().st_size <= GIT_BYTES else "",
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


def changed(expected: Iterable[RepoFile], on_hub: Iterable[RepoFile]) -> tuple[list[str], list[str]]:
    """The paths that are to be put there so that the Hub holds just what is expected, and those to delete."""
    ours = {f.path: f for f in expected}
    theirs = {f.path: f for f in on_hub if f.path not in NOT_OURS}
    put = [path for path, mine in ours.items() if path not in theirs or differences([mine], [theirs[path]])]
    return sorted(put), sorted(theirs.keys() - ours.keys())
