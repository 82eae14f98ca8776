"""What a killed pass goes on from: the hidden states between two layers, written about once a minute."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec

EVERY = 40.0
"""Seconds of work that may be lost; with the writing itself it stays under a minute."""


class Done(msgspec.Struct, frozen=True):
    """So many layers are passed, and this is what the last of them gave each node of each batch."""

    layers: int
    of_batches: list[list[mx.array]]


def under_way(folder: Path) -> list[Path]:
    """The checkpoints that killed passes left in a model's folder."""
    return list(folder.glob("pass-*.safetensors"))


class Checkpoint:
    """One pass's file. `key` names all that the pass computes: another one's file is not taken for it."""

    def __init__(self, folder: Path, key: str) -> None:
        """`folder` is the model's own: at most one pass is under way in it, and what another left goes."""
        self._path, self._key = folder / f"pass-{key[:16]}.safetensors", key
        self._written = time.monotonic()
        for left in under_way(folder):
            if left != self._path:
                left.unlink(missing_ok=True)

    def is_due(self, now: float) -> bool:
        return now - self._written >= EVERY

    def save(self, layers: int, of_batches: Sequence[Sequence[mx.array]]) -> None:
        """Write, or leave the former one where the disk has no room: then more is lost, no more than that."""
        arrays = {
            f"{batch}.{node}": array
            for batch, nodes in enumerate(of_batches)
            for node, array in enumerate(nodes)
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".{os.getpid()}-{self._path.name}")
        shape = ",".join(str(len(nodes)) for nodes in of_batches)
        try:
            mx.save_safetensors(str(draft), arrays, {"key": self._key, "layers": str(layers), "nodes": shape})
            draft.replace(self._path)
        except (OSError, RuntimeError):
            draft.unlink(missing_ok=True)
        self._written = time.monotonic()

    def load(self) -> Done | None:
        """What was saved of this very pass, or None."""
        try:
            arrays, about = self._read()
            if about["key"] != self._key:
                return None
            nodes = [int(count) for count in about["nodes"].split(",")]
            of_batches = [
                [arrays[f"{batch}.{node}"] for node in range(count)] for batch, count in enumerate(nodes)
            ]
            mx.eval(of_batches)
        except (OSError, RuntimeError, KeyError, ValueError):
            return None
        return Done(int(about["layers"]), of_batches)

    def _read(self) -> tuple[dict[str, mx.array], dict[str, str]]:
        loaded: Any = mx.load(str(self._path), return_metadata=True)
        return loaded[0], loaded[1]

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
