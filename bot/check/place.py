"""Where a model is: a folder, or a repo of which small files and headers are read and never the weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import yaml

from bot import safetensors, yaml_nodes
from bot.check.findings import Metadata
from bot.errors import ConfigError, NotFound, UnsuitableBase, UsageError
from bot.fetch.select import INDEX, WEIGHTS, side_files
from bot.recipes.headers import AT_ONCE, header_text
from bot.records import Record, RepoFile
from bot.safetensors import Tensor

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

LARGEST_SMALL = 64 << 20
"""Bytes; the largest tokenizers have some 35 MB."""

DEEPEST = 50
"""Levels of a JSON file; a config.json has some five."""

_REPO = re.compile(r"(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>\S+))?")
_METADATA = re.compile(r"\A\s*---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


class Place(Protocol):
    """A model somewhere. `name` is for messages, `repo` its repo or empty, `files` all its files."""

    name: str
    repo: str
    sha: str
    files: tuple[RepoFile, ...]

    def read(self, path: str) -> bytes | None:
        """A small file, or None where there is none."""

    def range(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes of a file from `start` on."""


class Folder:
    """A model on disk. Hidden files and folders are not its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.resolve().name
        self.repo = self.sha = ""
        names = [(file.relative_to(path), file) for file in sorted(path.rglob("*")) if file.is_file()]
        self.files = tuple(
            RepoFile(path=name.as_posix(), size=file.stat().st_size)
            for name, file in names
            if not any(part.startswith(".") for part in name.parts)
        )

    def read(self, path: str) -> bytes | None:
        file = self.path / path
        return file.read_bytes() if file.is_file() else None

    def range(self, path: str, start: int, length: int) -> bytes:
        with (self.path / path).open("rb") as file:
            file.seek(start)
            return file.read(length)


class Repo:
    """One revision of a repo; each small file is asked for once."""

    def __init__(self, door: HubDoor, repo: str, revision: str | None) -> None:
        found = door.base_revision(repo, revision)
        self._door = door
        self._read: dict[str, bytes | None] = {}
        self.name = self.repo = found.repo
        self.sha, self.files = found.sha, found.files

    def read(self, path: str) -> bytes | None:
        if path not in self._read:
            there = any(file.path == path and file.size <= LARGEST_SMALL for file in self.files)
            self._read[path] = self._door.read(self.repo, path, self.sha) if there else None
        return self._read[path]

    def range(self, path: str, start: int, length: int) -> bytes:
        return self._door.range(self.repo, path, self.sha, start, length)


def place(door: HubDoor, text: str) -> Folder | Repo:
    """A folder, else `owner/name` or `owner/name@revision`.

    Raises UsageError, NotFound, NeedsPerson (gated), NotAllowed, HubUnavailable.
    """
    folder = Path(text).expanduser()
    if folder.is_dir():
        return Folder(folder)
    if text.startswith((".", "/", "~")):
        raise NotFound(f"{text} is no folder: give the folder of a model, or owner/name")
    asked = _REPO.fullmatch(text)
    if asked is None:
        raise UsageError(
            f"{text!r} is no folder and no repo: give a model's folder, owner/name or owner/name@revision"
        )
    return Repo(door, asked["repo"], asked["revision"])


# ------------------------------------------------------------------ small files


def read_json(where: Place, path: str) -> dict[str, Any] | None:
    """A JSON object; None where the file is missing. Raises ValueError where it is none."""
    size = next((file.size for file in where.files if file.path == path), 0)
    if size > LARGEST_SMALL:
        raise ValueError(f"has {size} bytes")
    data = where.read(path)
    if data is None:
        return None
    try:
        decoded = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise ValueError("is no valid JSON") from None
    if not isinstance(decoded, dict):
        raise ValueError("is no JSON object")
    if _depth(decoded) > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    return decoded


def _depth(value: Any) -> int:
    """How deep objects and lists stand in each other; counted up to one more than DEEPEST."""
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        depth += 1
        inside = [each.values() if isinstance(each, dict) else each for each in level]
        level = [item for items in inside for item in items if isinstance(item, (dict, list))]
    return depth


def read_metadata(where: Place) -> Metadata | None:
    """What README.md's YAML says (nothing where it cannot be read); None without a README.md."""
    data = where.read("README.md")
    if data is None:
        return None
    block = _METADATA.match(data.decode("utf-8", "replace"))
    said = _said(block[1]) if block else {}
    said = said if isinstance(said, dict) else {}
    bases = said.get("base_model")
    return Metadata(
        license=_text(said.get("license")),
        bases=tuple(filter(None, map(_text, bases if isinstance(bases, list) else [bases]))),
    )


def _said(block: str) -> object:
    """The values of a YAML block; nothing where it is none, or is deeper or larger than any honest one."""
    try:
        yaml_nodes.tree(block.encode(), "README.md")  # its limits are what makes the next line safe
        return yaml.load(block, Loader=yaml.CSafeLoader)
    except (ConfigError, yaml.YAMLError, ValueError, RecursionError):
        return {}


def _text(value: object) -> str:
    return value.strip()[:200] if isinstance(value, str) else ""


def small_files(where: Folder | Repo, scratch: Path) -> Path:
    """A folder with the model's small files: its own, or `scratch` after a repo's were read into it.

    Raises UnsuitableBase for a file name that leaves its folder.
    """
    if isinstance(where, Folder):
        return where.path
    wanted = [f for f in side_files(where.name, where.files) if f.path != INDEX and f.size <= LARGEST_SMALL]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        contents = list(pool.map(lambda file: where.read(file.path), wanted))
    for file, content in zip(wanted, contents, strict=True):
        target = scratch / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content or b"")
    return scratch


# ------------------------------------------------------------------ headers


class Header(Record, frozen=True, kw_only=True):
    """One safetensors file: its tensors and its metadata's `format`; or what is `wrong` with it."""

    path: str
    tensors: dict[str, Tensor] = msgspec.field(default_factory=dict)
    format: str = ""
    wrong: str = ""


def headers(where: Place) -> tuple[Header, ...]:
    """Of every safetensors file at the top, by one or two reads each."""
    files = [f for f in where.files if f.path.endswith(".safetensors") and "/" not in f.path]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda file: _header(where, file), files))


def _header(where: Place, file: RepoFile) -> Header:
    try:
        text = header_text(lambda start, length: where.range(file.path, start, length), file.size)
        tensors = safetensors.parse_header(text, file.size - 8 - len(text))
    except safetensors.HeaderError as error:
        return Header(path=file.path, wrong=str(error))
    metadata = json.loads(text).get("__metadata__")
    said = metadata.get("format") if isinstance(metadata, dict) else None
    return Header(path=file.path, tensors=tensors, format=said if isinstance(said, str) else "")


def whole(name: str, read: Iterable[Header]) -> dict[str, Tensor]:
    """The tensors that mlx-lm loads of these files. Raises UnsuitableBase for a broken one, or none."""
    tensors: dict[str, Tensor] = {}
    for header in read:
        if Path(header.path).match(WEIGHTS):
            if header.wrong:
                raise UnsuitableBase(f"{name}: {header.path} {header.wrong}")
            tensors |= header.tensors
    if not tensors:
        raise UnsuitableBase(f"{name} holds no {WEIGHTS}: a base without safetensors is no measure")
    return tensors
