"""Which base lies in a folder: its name, and what tells it from others of that name."""

from __future__ import annotations

from pathlib import Path

from bot.fetch.local import local_snapshot
from bot.hashes import sha256_of


def origin(folder: Path) -> tuple[str, str]:
    """The repo and its revision for a snapshot in the Hub client's cache, else the folder's name and a hash.

    The hash is that of config.json: it tells bases apart, and stays the same when the folder is copied.
    Raises NotFound, UnsuitableBase.
    """
    snapshot = local_snapshot(folder)
    if "/" in snapshot.repo:
        return snapshot.repo, f"revision {snapshot.sha}"
    return snapshot.repo, f"config.json sha256 {sha256_of(Path(snapshot.path) / 'config.json')}"
