"""A recipe's shards: tensors appended in file order, each shard named when it is whole.

A shard grows as `<file>.growing`; whole, it gets its name and a line in `<quant>.shards.json`, which says
what it must hash to. Started again, shards that still do are kept, everything else is made anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from pathlib import Path
from typing import BinaryIO

import msgspec

from bot import safetensors
from bot.errors import HostError
from bot.fetch.select import INDEX
from bot.hashes import sha256_of
from bot.recipes.layout import Layout
from bot.records import Record, RepoFile, from_json, to_json
from bot.safetensors import Tensor

GROWING = ".growing"


class Whole(Record, frozen=True, kw_only=True):
    """The shards of one quant that are whole. `identity` hashes what they must be the shards of."""

    identity: str
    files: tuple[RepoFile, ...] = ()


class Shards:
    """Writes what `layout` says into `partial`, beginning after the shards that are whole there.

    `origin` names base, revision and recipe: shards of another origin or layout are not kept. Shards hold
    at most `largest` bytes of tensors each, unless one tensor is larger.
    """

    def __init__(self, partial: Path, layout: Layout, largest: int, origin: str) -> None:
        self.partial, self._layout = partial, layout
        self._groups = safetensors.shards(layout.tensors, largest)
        self._ledger = partial.with_suffix(".shards.json")
        self._whole = self._kept(_identity(origin, self._groups))
        whole = {file.path for file in self._whole.files}
        self._missing = [group for group in self._groups if group[0] not in whole]
        self._wanted = {name for _, group in self._missing for name in group}
        self._open: _Shard | None = None

    @property
    def missing_bytes(self) -> int:
        """What is still to be written."""
        return safetensors.files_bytes(self._missing)

    def wants(self, names: dict[str, Tensor]) -> bool:
        """True when one of these tensors is in a shard that is not whole yet."""
        return not self._wanted.isdisjoint(names)

    def append(self, name: str, data: memoryview) -> int:
        """Write the next tensor's bytes, unless its shard is whole already. Returns the bytes written.

        Raises HostError when the disk is full; what was whole before stays so.
        """
        if name not in self._wanted:
            return 0
        try:
            if self._open is None:
                self._open = _Shard(self.partial, *self._missing[0])
            self._open.append(name, data)
            if self._open.is_full:
                self._close(self._open)
        except OSError as error:
            raise self._failed(error) from error
        return len(data)

    def _close(self, shard: _Shard) -> None:
        self._whole = msgspec.structs.replace(self._whole, files=(*self._whole.files, shard.finish()))
        _write(self._ledger, msgspec.json.encode(to_json(self._whole)))
        self._missing.pop(0)
        self._open = None

    def _failed(self, error: OSError) -> HostError:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return HostError(f"{self.partial} cannot be written: {error.strerror}")
        need = self.missing_bytes / 1e9
        return HostError(
            f"the disk of {self.partial} is full and {need:.2f} GB of {self._layout.recipe} are not written: "
            "free some and start again, it goes on after the last whole shard"
        )

    def finish(self) -> tuple[RepoFile, ...]:
        """Write the index. Returns every file of weights, and the index. All tensors must be there."""
        assert not self._missing, f"{self._missing[0][0]} was never filled"
        index = {
            "metadata": {
                "total_size": sum(tensor.nbytes for tensor in self._layout.tensors.values()),
                "total_parameters": self._layout.parameters,
            },
            "weight_map": dict(sorted((name, file) for file, group in self._groups for name in group)),
        }
        return (*self._whole.files, write_text(self.partial / INDEX, json.dumps(index, indent=4)))

    def forget(self) -> None:
        """Drop the ledger of whole shards, once the quant has a record of its own."""
        self._ledger.unlink(missing_ok=True)

    def _kept(self, identity: str) -> Whole:
        """The whole shards of just this identity; whatever else stands in the folder is removed."""
        kept = tuple(file for file in _read(self._ledger, identity).files if _holds(self.partial, file))
        names = {file.path for file in kept}
        self.partial.mkdir(parents=True, exist_ok=True)
        for stray in self.partial.iterdir():
            if stray.is_dir():
                shutil.rmtree(stray)
            elif stray.name not in names:
                stray.unlink()
        return Whole(identity=identity, files=kept)


class _Shard:
    """One growing file."""

    def __init__(self, folder: Path, name: str, tensors: dict[str, Tensor]) -> None:
        self.path = folder / name
        self._rest = list(reversed(tensors.items()))
        self._digest, self._size = hashlib.sha256(), 0
        self._file: BinaryIO = (folder / (name + GROWING)).open("wb")
        self._put(safetensors.header_bytes(tensors))

    @property
    def is_full(self) -> bool:
        return not self._rest

    def append(self, name: str, data: memoryview) -> None:
        expected, tensor = self._rest.pop()
        assert (name, len(data)) == (expected, tensor.nbytes), f"{name} where {expected} belongs"
        self._put(data)

    def _put(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self._file.write(data)
        self._size += len(data)

    def finish(self) -> RepoFile:
        self._file.close()
        Path(self._file.name).replace(self.path)
        return RepoFile(path=self.path.name, size=self._size, sha256=self._digest.hexdigest())


def _identity(origin: str, groups: list[tuple[str, dict[str, Tensor]]]) -> str:
    digest = hashlib.sha256(origin.encode())
    for name, tensors in groups:
        digest.update(name.encode() + safetensors.header_bytes(tensors))
    return digest.hexdigest()


def _read(ledger: Path, identity: str) -> Whole:
    try:
        found = from_json(Whole, msgspec.json.decode(ledger.read_bytes()))
    except (FileNotFoundError, msgspec.MsgspecError):
        return Whole(identity=identity)
    return found if found.identity == identity else Whole(identity=identity)


def _holds(folder: Path, file: RepoFile) -> bool:
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def write_text(path: Path, text: str) -> RepoFile:
    """Write a small file and describe it."""
    data = text.encode()
    path.write_bytes(data)
    return RepoFile(path=path.name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
