"""Puts the rehearsal bases and the stand-in datasets on a loopback Hub's store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.hub.store import Kind, Store
from bot.rehearsal import datasets
from bot.rehearsal.bases import BASES, base_files


def seed(store: Store, names: tuple[str, ...] | None = None) -> None:
    """Commit every dataset, and the bases of these names (all unless told), where they are missing.

    A repo that is there already stays as it is. Raises NotFound for an unknown name.
    """
    wanted = tuple(base.name for base in BASES) if names is None else names
    repos = {base.name: base.repo for base in BASES}
    for name in wanted:
        files = base_files(name)
        _put(store, "model", repos[name], files)
    for repo, contents in datasets.standins().items():
        _put(store, "dataset", repo, contents)


def _put(store: Store, kind: Kind, repo: str, files: Mapping[str, bytes | Path]) -> None:
    if not store.exists(kind, repo):
        store.create_repo(kind, repo)
        store.commit(kind, repo, files, "Rehearsal stand-in made by qx-bot")
