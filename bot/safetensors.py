"""The safetensors file format, read and laid out: pure functions over header bytes.

A file is eight bytes of header length (little endian), the header (JSON: tensor name -> dtype, shape,
data_offsets; `__metadata__` holds strings), then the tensors' bytes without a gap.
Specification: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.records import Record

LARGEST_HEADER = 3_000_000
"""Bytes. Some 30,000 tensors in one file; the reference implementation allows a hundred million bytes, which
would take a gigabyte of memory to read."""

SHORTEST_ENTRY = 40
"""Bytes: no tensor can be described in fewer, so a header of more objects is made to fill the memory."""

LARGEST_SHARD = 5 << 30
"""Bytes of tensors in one file, as mlx-lm splits them."""

DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6,
    "F6_E3M2": 6, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


class HeaderError(ValueError):
    """The bytes are no whole safetensors file; the message says what is wrong with them."""


class Tensor(Record, frozen=True, kw_only=True):
    """One header entry: dtype as safetensors names it (`BF16`, `U32`, …) and shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes. Raises HeaderError where it is no whole number of bytes."""
        bits = self.size * DTYPE_BITS[self.dtype]
        if bits % 8:
            raise HeaderError(f"{self.dtype} of shape {list(self.shape)} ends inside a byte")
        return bits // 8


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of one file, by name, in file order. Raises HeaderError, OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise HeaderError(f"is truncated: {size} bytes cannot hold its header")
        if length > LARGEST_HEADER:
            raise HeaderError(f"claims a header of {length} bytes: no honest one is so long")
        return parse_header(file.read(length), size - 8 - length)


def parse_header(text: bytes, data_bytes: int) -> dict[str, Tensor]:
    """The tensors that the header `text` declares over `data_bytes` bytes of data, in file order.

    Raises HeaderError for anything but a header whose tensors fill the data exactly.
    """
    spans: list[tuple[int, int, str]] = []
    tensors: dict[str, Tensor] = {}
    for name, entry in _decoded(text).items():
        if name == "__metadata__":
            continue
        tensors[name], (start, end) = _entry(name, entry)
        spans.append((start, end, name))
    spans.sort()
    position = 0
    for start, end, name in spans:
        if start != position:
            raise HeaderError(f"leaves a gap or an overlap before tensor {name[:80]!r}")
        position = end
    if position > data_bytes:
        raise HeaderError(f"is truncated: its header promises {position} bytes and {data_bytes} are there")
    if position < data_bytes:
        raise HeaderError(f"has {data_bytes - position} bytes that belong to no tensor")
    return {name: tensors[name] for _, _, name in spans}


def _decoded(text: bytes) -> dict[str, Any]:
    objects = text.count(b"{")
    if objects * SHORTEST_ENTRY > len(text) + 2 * SHORTEST_ENTRY or text.count(b"[") > 2 * objects + 2:
        raise HeaderError("has a header that describes no tensors")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, HeaderError):
            raise
        raise HeaderError("has a header that is no JSON") from None
    if not isinstance(header, dict):
        raise HeaderError("has a header that is no JSON object")
    return header


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise HeaderError("names a tensor twice in its header")
    return entries


def _entry(name: str, entry: Any) -> tuple[Tensor, tuple[int, int]]:
    where = f"tensor {name[:80]!r}"
    if not isinstance(entry, dict):
        raise HeaderError(f"has no description of {where}")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise HeaderError(f"gives {where} the unknown dtype {str(dtype)[:20]!r}")
    tensor = Tensor(dtype=dtype, shape=_sizes(shape, where))
    start, end, *more = (*_sizes(offsets, where), 0, 0)
    if end - start != tensor.nbytes or len(more) != 2:
        raise HeaderError(f"gives {where} {end - start} bytes where {tensor.nbytes} are needed")
    return tensor, (start, end)


def _sizes(values: Any, where: str) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) > 32:
        raise HeaderError(f"gives {where} no valid shape or offsets")
    if not all(type(value) is int and 0 <= value < 1 << 63 for value in values):
        raise HeaderError(f"gives {where} no valid shape or offsets")
    return tuple(values)


# ------------------------------------------------------------------ laying out


def header_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """The length prefix and the header of a file that holds these tensors in this order.

    Padded with spaces to a multiple of eight, so that the data is aligned. `format: mlx` is what
    mlx-lm and others look for.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    position = 0
    for name, tensor in tensors.items():
        end = position + tensor.nbytes
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def shards(
    tensors: Mapping[str, Tensor], largest: int = LARGEST_SHARD
) -> list[tuple[str, dict[str, Tensor]]]:
    """File name and tensors of each shard, as mlx-lm names and fills them (order kept).

    A tensor larger than `largest` bytes gets a file of its own.
    """
    groups: list[dict[str, Tensor]] = []
    filled = 0
    for name, tensor in tensors.items():
        if not groups or filled + tensor.nbytes > largest:
            groups.append({})
            filled = 0
        groups[-1][name] = tensor
        filled += tensor.nbytes
    if len(groups) == 1:
        return [("model.safetensors", groups[0])]
    return [(f"model-{i:05d}-of-{len(groups):05d}.safetensors", g) for i, g in enumerate(groups, 1)]


def files_bytes(groups: Iterable[tuple[str, Mapping[str, Tensor]]]) -> int:
    """Size in bytes of all these shards together, headers included."""
    return sum(
        len(header_bytes(tensors)) + sum(tensor.nbytes for tensor in tensors.values())
        for _, tensors in groups
    )
