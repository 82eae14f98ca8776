"""What a base's safetensors headers say: from a folder, or from a repo by range requests alone."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from bot import safetensors
from bot.errors import UnsuitableBase
from bot.fetch.select import WEIGHTS
from bot.records import BaseRevision, RepoFile
from bot.safetensors import Tensor

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

FIRST_BYTES = 1 << 15
"""Most headers fit into the first request."""


def headers(door: HubDoor, base: BaseRevision) -> dict[str, Tensor]:
    """The tensors of the base's weight files, by one or two range requests a file.

    Only the files mlx-lm loads (`model*.safetensors`) count; others are copies in another layout.
    Raises UnsuitableBase for a corrupt one.
    """
    tensors: dict[str, Tensor] = {}
    for file in base.files:
        if fnmatch(file.path, WEIGHTS):
            tensors |= _header(door, base, file)
    return tensors


def _header(door: HubDoor, base: BaseRevision, file: RepoFile) -> dict[str, Tensor]:
    if file.size < 8:
        raise UnsuitableBase(f"{base.repo}: {file.path} is truncated: it has {file.size} bytes")
    head = door.range(base.repo, file.path, base.sha, 0, min(FIRST_BYTES, file.size))
    length = int.from_bytes(head[:8], "little")
    if length > min(safetensors.LARGEST_HEADER, file.size - 8):
        raise UnsuitableBase(f"{base.repo}: {file.path} claims a header of {length} bytes and is corrupt")
    text = head[8 : 8 + length]
    if len(text) < length:
        text += door.range(base.repo, file.path, base.sha, 8 + len(text), length - len(text))
    try:
        return safetensors.parse_header(text, file.size - 8 - length)
    except safetensors.HeaderError as error:
        raise UnsuitableBase(f"{base.repo}: {file.path} {error}") from error


def local_headers(folder: Path, base: str) -> dict[str, Tensor]:
    """The tensors of the weight files in `folder`. Raises UnsuitableBase for a corrupt one."""
    tensors: dict[str, Tensor] = {}
    for path in sorted(folder.glob(WEIGHTS)):
        try:
            tensors |= safetensors.read_header(path)
        except safetensors.HeaderError as error:
            raise UnsuitableBase(f"{base}: {path.name} {error}") from error
    return tensors
