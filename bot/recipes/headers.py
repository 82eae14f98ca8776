"""What a base's safetensors headers say: from a folder, or from a repo by range requests alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
"""Of the first request; larger headers take a second one."""

AT_ONCE = 8
"""Requests under way at the same time."""


def headers(door: HubDoor, base: BaseRevision) -> dict[str, Tensor]:
    """The tensors of the base's weight files, by one or two range requests a file.

    Only the files mlx-lm loads (`model*.safetensors`) count; others are copies in another layout.
    Raises UnsuitableBase for a corrupt one.
    """
    files = [file for file in base.files if fnmatch(file.path, WEIGHTS)]
    tensors: dict[str, Tensor] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda file: _header(door, base, file), files):
            tensors |= found
    return tensors


def _header(door: HubDoor, base: BaseRevision, file: RepoFile) -> dict[str, Tensor]:
    def read(start: int, length: int) -> bytes:
        return door.range(base.repo, file.path, base.sha, start, length)

    try:
        text = header_text(read, file.size)
        return safetensors.parse_header(text, file.size - 8 - len(text))
    except safetensors.HeaderError as error:
        raise UnsuitableBase(f"{base.repo}: {file.path} {error}") from error


def header_text(read: Callable[[int, int], bytes], size: int) -> bytes:
    """The header of a safetensors file of `size` bytes; `read` gives bytes from a start, so many.

    Raises HeaderError where the file cannot hold what it claims.
    """
    if size < 8:
        raise safetensors.HeaderError(f"is truncated: it has {size} bytes")
    head = read(0, min(FIRST_BYTES, size))
    length = int.from_bytes(head[:8], "little")
    if length > min(safetensors.LARGEST_HEADER, size - 8):
        raise safetensors.HeaderError(
            f"claims a header of {length} bytes: it is truncated or no safetensors file"
        )
    text = head[8 : 8 + length]
    return text if len(text) == length else text + read(8 + len(text), length - len(text))


def local_headers(folder: Path, base: str) -> dict[str, Tensor]:
    """The tensors of the weight files in `folder`. Raises UnsuitableBase for a corrupt one."""
    tensors: dict[str, Tensor] = {}
    for path in sorted(folder.glob(WEIGHTS)):
        try:
            tensors |= safetensors.read_header(path)
        except safetensors.HeaderError as error:
            raise UnsuitableBase(f"{base}: {path.name} {error}") from error
    return tensors
