"""A base that lies in a folder already, described as `fetch` hands one on."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from bot.errors import NotFound, UnsuitableBase
from bot.fetch.select import INDEX, side_files, weight_files
from bot.records import RepoFile, Snapshot


def local_snapshot(folder: Path) -> Snapshot:
    """The folder as a snapshot: only the files a quant needs, none of them hashed.

    A snapshot in the Hub client's cache (`models--owner--name/snapshots/<sha>`) keeps its repo and commit.
    For any other folder the repo is its name, and the sha one over names, sizes and times of its files.
    Raises NotFound, UnsuitableBase.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder: give the folder of a base model")
    files = tuple(
        RepoFile(path=path.name, size=path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.is_file()
    )
    if not any(file.path == "config.json" for file in files):
        raise UnsuitableBase(f"{folder} has no config.json: it is no model that mlx-lm could load")
    index = (folder / INDEX).read_text("utf-8", "replace") if (folder / INDEX).is_file() else None
    needed = (*side_files(folder.name, files), *weight_files(folder.name, files, index))
    cached = re.search(r"models--([^/]+)--([^/]+)/snapshots/([0-9a-f]{40})$", folder.as_posix())
    repo = f"{cached[1]}/{cached[2]}" if cached else folder.resolve().name
    sha = cached[3] if cached else _digest(folder, needed)
    return Snapshot(repo=repo, sha=sha, path=str(folder), files=needed)


def _digest(folder: Path, files: tuple[RepoFile, ...]) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for file in files:
        digest.update(f"{file.path} {file.size} {(folder / file.path).stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()
