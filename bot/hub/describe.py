"""What the Hub says about a repo, its files and its folders: the JSON shapes of its API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.hub import gitids, metadata
from bot.hub.history import Commit, FileEntry, parents
from bot.hub.reading import Kind
from bot.hub.store import Store

CONFIG_KEYS = ("architectures", "model_type", "quantization_config")
TOKENIZER_KEYS = ("bos_token", "eos_token", "pad_token", "unk_token", "chat_template")
BRIEF = (
    "likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt",
    "modelId",
)  # fmt: skip
FULL = (*BRIEF, "author", "sha", "lastModified", "gated", "disabled", "siblings")
OUTER = (
    "author", "sha", "lastModified", "createdAt", "private", "gated", "disabled", "downloads",
    "downloadsAllTime", "likes", "trendingScore",
)  # fmt: skip
ON_REQUEST = ("evalResults", "downloadsAllTime", "childrenModelCount", "baseModels", "trendingScore")
MAX_HEADER = 100_000_000
"""Bytes; the limit of the safetensors format for its header."""


def object_id(*parts: str) -> str:
    """A 24-digit id such as the Hub gives to repos and collection items."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def repo_info(
    store: Store, kind: Kind, repo: str, revision: str = "main", *, blobs: bool = False
) -> dict[str, Any]:
    """Everything known of a repo at a revision; `blobs` adds sizes and hashes of the files."""
    outer = outer_info(store, kind, repo, revision)
    commit = store.commit_at(kind, repo, outer["sha"])
    card = metadata.card_data(_text(store, commit, "README.md")) or {}
    config = _config(store, commit) if kind == "model" else {}
    info: dict[str, Any] = {
        **outer, "tags": metadata.tags(kind, card, config, list(commit.files)),
        "siblings": [_sibling(path, entry, blobs) for path, entry in commit.files.items()],
        "usedStorage": sum(e.size for e in commit.files.values() if e.lfs), "cardData": card or None,
    }  # fmt: skip
    if kind == "model":
        info |= {
            "modelId": repo, "config": config, "library_name": metadata.library(card, config),
            "pipeline_tag": metadata.pipeline_tag(card, config), "spaces": [], "model-index": None,
            "baseModels": metadata.as_list(card.get("base_model")), "childrenModelCount": 0,
            "evalResults": [],
        }  # fmt: skip
        parameters = parameter_counts(store, commit)
        if parameters:
            info["safetensors"] = {"parameters": parameters, "total": sum(parameters.values())}
    return {name: value for name, value in info.items() if value is not None}


def outer_info(store: Store, kind: Kind, repo: str, revision: str = "main") -> dict[str, Any]:
    """What is known of a repo without a look into its files: the fields of `OUTER`."""
    settings = store.settings(kind, repo)
    commit = store.commit_at(kind, repo, revision)
    return {
        "_id": object_id(kind, repo, settings.created_at), "id": repo, "author": repo.split("/")[0],
        "sha": commit.id, "lastModified": commit.date, "createdAt": settings.created_at,
        "private": settings.private, "gated": settings.gated, "disabled": False,
        "downloads": settings.downloads, "downloadsAllTime": settings.downloads, "likes": settings.likes,
        "trendingScore": 0,
    }  # fmt: skip


def shaped(info: dict[str, Any], expand: list[str], names: Iterable[str] | None = None) -> dict[str, Any]:
    """Only the fields asked for by `expand`; else `names`, else all that come unasked."""
    if expand:
        wanted = {"_id", "id", *expand}
    elif names is not None:
        wanted = {"_id", "id", *names}
    else:
        wanted = set(info) - set(ON_REQUEST)
    return {name: value for name, value in info.items() if name in wanted}


def _sibling(path: str, entry: FileEntry, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path}
    if blobs:
        sibling |= {"size": entry.size, "blobId": entry.oid}
        if entry.lfs:
            sibling["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": _pointer_size(entry)}
    return sibling


def _pointer_size(entry: FileEntry) -> int:
    return len(gitids.lfs_pointer(entry.sha256, entry.size))


def file_info(path: str, entry: FileEntry) -> dict[str, Any]:
    """A file as tree and paths-info show it."""
    shown: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        shown["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": _pointer_size(entry)}
    return shown


def folder_info(path: str, commit: Commit) -> dict[str, Any]:
    """A folder as tree and paths-info show it."""
    return {"type": "directory", "oid": commit.trees[path], "size": 0, "path": path}


def tree(commit: Commit, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """What lies in a folder (`""` is the root), sorted by path, folders among the files."""
    prefix = f"{folder}/" if folder else ""
    inside = [path for path in commit.files if path.startswith(prefix)]
    folders = {parent for path in inside for parent in parents(path) if parent.startswith(prefix)}
    shown = {path: file_info(path, commit.files[path]) for path in inside}
    shown |= {path: folder_info(path, commit) for path in folders}
    kept = [path for path in sorted(shown) if recursive or "/" not in path[len(prefix) :]]
    return [shown[path] for path in kept]


def add_last_commits(
    store: Store, kind: Kind, repo: str, commit: Commit, items: list[dict[str, Any]]
) -> None:
    """Add to each item the commit that last changed it (walks the history once)."""
    open_items = {item["path"]: item for item in items}
    for here in store.log(kind, repo, commit.id):
        before = store.commit_at(kind, repo, here.parent) if here.parent else None
        for path in list(open_items):
            if before is None or _oid(here, path) != _oid(before, path):
                item = open_items.pop(path)
                item["lastCommit"] = {"id": here.id, "title": here.title, "date": here.date}
                item["securityFileStatus"] = _unscanned() if item["type"] == "file" else None
        if not open_items:
            return


def _unscanned() -> dict[str, Any]:
    return {"status": "unscanned", "avScan": None, "pickleImportScan": None}


def _oid(commit: Commit, path: str) -> str | None:
    entry = commit.files.get(path)
    return entry.oid if entry else commit.trees.get(path)


def _text(store: Store, commit: Commit, path: str) -> str:
    entry = commit.files.get(path)
    return store.objects.path(entry.sha256).read_text("utf-8", "replace") if entry else ""


def _json(store: Store, commit: Commit, path: str) -> dict[str, Any]:
    try:
        value = json.loads(_text(store, commit, path) or "{}")
    except (json.JSONDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _config(store: Store, commit: Commit) -> dict[str, Any]:
    config = {k: v for k, v in _json(store, commit, "config.json").items() if k in CONFIG_KEYS}
    tokenizer = _json(store, commit, "tokenizer_config.json")
    shown = {k: v for k, v in tokenizer.items() if k in TOKENIZER_KEYS}
    if "chat_template.jinja" in commit.files:
        shown["chat_template"] = _text(store, commit, "chat_template.jinja")
    return config | ({"tokenizer_config": shown} if shown else {})


def parameter_counts(store: Store, commit: Commit) -> dict[str, int]:
    """Number of parameters by dtype over the repo's safetensors in the root."""
    total: dict[str, int] = {}
    for path, entry in commit.files.items():
        if path.endswith(".safetensors") and "/" not in path:
            for dtype, count in _safetensors_counts(store.objects.path(entry.sha256)):
                total[dtype] = total.get(dtype, 0) + count
    return total


@lru_cache(maxsize=1024)
def _safetensors_counts(path: Path) -> tuple[tuple[str, int], ...]:
    """(dtype, parameters) from a file's header; nothing for a file that is no safetensors."""
    counts: dict[str, int] = {}
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length < MAX_HEADER else {}
        for name, tensor in header.items():
            if name != "__metadata__":
                count = 1
                for side in tensor["shape"]:
                    count *= side
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + count
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    return tuple(counts.items())
