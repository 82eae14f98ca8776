"""Git's own ids, so that what the client computes from a file matches what the Hub reports.

Formats: git's object header `<kind> <size>\\0` and tree entries (git-scm.com/book,
"Git Internals - Git Objects"); LFS pointers (git-lfs docs/spec.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime


def object_id(kind: str, body: bytes) -> str:
    """SHA-1 id of a git object of `kind` (blob, tree, commit)."""
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def blob_id(content: bytes) -> str:
    """Id of a regular file's content."""
    return object_id("blob", content)


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small text git keeps in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Ids of every folder (`""` is the root) of a flat {path: blob id}."""
    children: dict[str, dict[str, str]] = {"": {}}
    for path, oid in blobs.items():
        folder, _, name = path.rpartition("/")
        children.setdefault(folder, {})[name] = oid
    for folder in list(children):
        while folder:
            folder = folder.rpartition("/")[0]
            children.setdefault(folder, {})
    ids: dict[str, str] = {}
    for folder in sorted(children, key=lambda f: (-f.count("/") - bool(f), f)):
        entries = [("100644", name, oid) for name, oid in children[folder].items()]
        prefix = f"{folder}/" if folder else ""
        entries += [
            ("40000", sub[len(prefix) :], oid)
            for sub, oid in ids.items()
            if sub.startswith(prefix) and "/" not in sub[len(prefix) :]
        ]
        ids[folder] = _tree_id(entries)
    return ids


def _tree_id(entries: Iterable[tuple[str, str, str]]) -> str:
    # Git sorts a folder as if its name ended with a slash.
    ordered = sorted(entries, key=lambda e: e[1].encode() + (b"/" if e[0] == "40000" else b""))
    return object_id(
        "tree", b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in ordered)
    )


def commit_id(tree: str, parents: Iterable[str], author: str, date: datetime, text: str) -> str:
    """Id of a commit by `author` (a Hub user name) at `date`."""
    who = f"{author} <{author}@users.noreply> {int(date.timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {p}" for p in parents), f"author {who}", f"committer {who}", "", text]
    return object_id("commit", "\n".join(lines).encode() + b"\n")
