"""Which files of a base are needed, and which bases are refused by their file names alone. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from bot.errors import UnsuitableBase
from bot.records import RepoFile

INDEX = "model.safetensors.index.json"
SIDE_FILES = (
    "*.json", "*.jsonl", "*.txt", "*.jinja", "*.model", "*.tiktoken", "LICENSE*", "LICENCE*", "NOTICE*",
    "COPYING*", "additional_chat_templates/*.jinja",
)  # fmt: skip
"""Configuration, tokenizer, chat template, license: what a quant carries over from its base."""

NEVER = ("*.bin.index.json", "*.py", "README*", ".*")
WEIGHTS = "model*.safetensors"
"""The files that mlx-lm loads; other safetensors (consolidated, adapters, original) are copies or parts."""

CODE_FORMATS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")


def side_files(base: str, files: Iterable[RepoFile]) -> tuple[RepoFile, ...]:
    """Everything needed but the weights. Raises UnsuitableBase for a file name that leaves its folder."""
    files = tuple(files)
    for file in files:
        refuse_escaping(base, file.path)
    return tuple(f for f in files if _matches(f.path, SIDE_FILES) and not _matches(f.path, NEVER))


def weight_files(base: str, files: Iterable[RepoFile], index: str | None) -> tuple[RepoFile, ...]:
    """The weights: what the index (its text) names where there is one, else every `model*.safetensors`.

    Raises UnsuitableBase for missing shards and for repos without safetensors.
    """
    files = tuple(files)
    found = {f.path: f for f in files if fnmatchcase(f.path, WEIGHTS)}
    if index is None:
        if not found:
            raise UnsuitableBase(f"{base} {_instead(files)}")
        return tuple(found.values())
    shards = indexed_shards(base, index)
    missing = sorted(shards - found.keys())
    if missing:
        raise UnsuitableBase(f"{base}: {INDEX} names {missing[0][:100]!r}, which the repo does not hold")
    return tuple(file for path, file in found.items() if path in shards)


def _instead(files: tuple[RepoFile, ...]) -> str:
    if any(f.path.endswith(CODE_FORMATS) for f in files):
        return "holds its weights only as pickles or other formats that can run code, and the bot loads none"
    if any(f.path.endswith(".gguf") for f in files):
        return "holds GGUF files only: name the base they were made from"
    return f"holds no weights ({WEIGHTS}) that mlx-lm could load"


def indexed_shards(base: str, index: str) -> set[str]:
    """The file names in an index. Raises UnsuitableBase where it is none."""
    try:
        decoded = json.loads(index)
    except (ValueError, RecursionError):
        decoded = None
    shards = decoded.get("weight_map") if isinstance(decoded, dict) else None
    if not isinstance(shards, dict) or not shards or not all(isinstance(s, str) for s in shards.values()):
        raise UnsuitableBase(f"{base}: {INDEX} is corrupt: it has no weight_map of tensor names to files")
    return set(shards.values())


def refuse_escaping(base: str, path: str) -> None:
    """Raise UnsuitableBase for a path that would not stay inside the folder it is written to."""
    parts = re.split(r"[/\\]", path)
    bad = not path or path.startswith(("/", "\\", "~")) or "\\" in path or ":" in parts[0] or ".." in parts
    if bad or not path.isprintable() or "" in parts or len(path.encode()) > 1000:
        raise UnsuitableBase(
            f"{base} holds a file named {path[:80]!r}, which leaves its folder: it is refused"
        )


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Shell patterns, against top-level names only (unless the pattern names a folder)."""
    return any(fnmatchcase(path, p) and path.count("/") == p.count("/") for p in patterns)
