"""Writing a model folder: shards tensor by tensor, their index, and the files carried over."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map

from bot import safetensors
from bot.errors import VerificationFailed
from bot.fetch.select import INDEX
from bot.recipes.apply import Layout
from bot.records import RepoFile, Snapshot
from bot.safetensors import Tensor

Count = Callable[[int], None]


def write_weights(folder: Path, model: nn.Module, layout: Layout, count: Count) -> tuple[RepoFile, ...]:
    """Evaluate the model's tensors one after the other into shards, then write their index.

    The model's arrays are given up as they are written: memory holds one module, not the model.
    `count` is told the bytes of each tensor. Raises OSError (disk full) with the files left incomplete.
    """
    weights: dict[str, mx.array] = dict(tree_flatten(model.parameters()))
    model.update(tree_map(lambda _: mx.array([]), model.parameters()))
    groups = safetensors.shards(layout.tensors)
    written = [_write_shard(folder / name, group, weights, count) for name, group in groups]
    index = {
        "metadata": {
            "total_size": sum(tensor.nbytes for tensor in layout.tensors.values()),
            "total_parameters": layout.parameters,
        },
        "weight_map": dict(sorted((tensor, name) for name, group in groups for tensor in group)),
    }
    return (*written, write_text(folder / INDEX, json.dumps(index, indent=4)))


def _write_shard(
    path: Path, group: dict[str, Tensor], weights: dict[str, mx.array], count: Count
) -> RepoFile:
    digest = hashlib.sha256()
    with path.open("wb") as file:

        def append(data: bytes | memoryview) -> None:
            digest.update(data)
            file.write(data)
            count(len(data))

        append(safetensors.header_bytes(group))
        for name in group:
            append(_bytes(weights.pop(name)))
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    return RepoFile(path=path.name, size=size, sha256=digest.hexdigest())


def _bytes(array: mx.array) -> memoryview:
    """The array's values in row order, evaluated."""
    values = mx.contiguous(array).reshape(-1).view(mx.uint8)
    return memoryview(values)  # type: ignore[arg-type]  # MLX's stubs do not know its buffer protocol


def write_text(path: Path, text: str) -> RepoFile:
    """Write a small file and describe it."""
    data = text.encode()
    path.write_bytes(data)
    return RepoFile(path=path.name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


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
