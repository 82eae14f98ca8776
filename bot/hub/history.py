"""Commits as values: a commit names every file of the repo, operations make the next one from the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from bot.hub import gitids
from bot.hub.answers import Refused
from bot.hub.names import check_path
from bot.records import Record

LFS_SUFFIXES = (
    "7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "mlmodel", "model", "msgpack", "npy",
    "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar", "safetensors", "tar", "tflite",
    "tgz", "wasm", "xz", "zip", "zst",
)  # fmt: skip
DATASET_SUFFIXES = (
    "lz4", "pcm", "sam", "raw", "aac", "flac", "mp3", "ogg", "wav", "bmp", "gif", "png", "tiff", "jpg",
    "jpeg", "webp", "mp4", "webm", "avro", "mds",
)  # fmt: skip
LFS_ATTRIBUTES = "filter=lfs diff=lfs merge=lfs -text"
LFS_SIZE = 10_000_000
"""Bytes above which a file goes to LFS whatever its name."""


class FileEntry(Record, frozen=True):
    """One file of a commit: size in bytes, git blob id (of the pointer for LFS), content sha256."""

    size: int
    oid: str
    sha256: str
    lfs: bool = False


class Commit(Record, frozen=True):
    """One commit. `trees` are git's ids of its folders, `""` the root; `date` is ISO 8601 in UTC."""

    id: str
    parent: str | None
    title: str
    description: str
    author: str
    date: str
    trees: dict[str, str]
    files: dict[str, FileEntry]


class Put(Record, frozen=True):
    """Add or replace a file."""

    path: str
    entry: FileEntry


class Delete(Record, frozen=True):
    """Delete a file, or a folder with all it holds."""

    path: str
    folder: bool = False


Operation = Put | Delete


def now() -> str:
    """The time as the Hub writes it: ISO 8601 with milliseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def regular_entry(content: bytes, sha256: str) -> FileEntry:
    """The entry of a file git keeps itself."""
    return FileEntry(size=len(content), oid=gitids.blob_id(content), sha256=sha256)


def lfs_entry(sha256: str, size: int) -> FileEntry:
    """The entry of a file kept as LFS object."""
    return FileEntry(size=size, oid=gitids.blob_id(gitids.lfs_pointer(sha256, size)), sha256=sha256, lfs=True)


def apply(files: Mapping[str, FileEntry], operations: Iterable[Operation]) -> dict[str, FileEntry]:
    """The file list after the operations, deletions first, as the Hub does it.

    Refused: 400 for a path that escapes or is a file and a folder at once, 404 for a deletion of nothing.
    """
    operations = list(operations)
    result = dict(files)
    for operation in operations:
        check_path(operation.path.rstrip("/") if isinstance(operation, Delete) else operation.path)
        if isinstance(operation, Delete):
            _delete(result, operation)
    result.update((o.path, o.entry) for o in operations if isinstance(o, Put))
    folders = {parent for path in result for parent in parents(path)}
    both = sorted(folders & set(result))
    if both:
        raise Refused(400, f"{both[0]!r} would be a file and a folder at once")
    return dict(sorted(result.items()))


def _delete(files: dict[str, FileEntry], operation: Delete) -> None:
    prefix = operation.path.rstrip("/") + "/"
    gone = [p for p in files if p.startswith(prefix)] if operation.folder else [operation.path]
    if not gone or any(path not in files for path in gone):
        raise Refused(
            404, f"A file with this name doesn't exist: {operation.path}", "EntryNotFound"
        )  # the client looks for the first words of this
    for path in gone:
        del files[path]


def parents(path: str) -> list[str]:
    """The folders above a path, nearest first, without the root."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]


def make_commit(
    parent: Commit | None, files: dict[str, FileEntry], title: str, description: str, author: str, date: str
) -> Commit:
    """The commit that holds `files`, with git's ids."""
    trees = gitids.tree_ids({path: entry.oid for path, entry in files.items()})
    text = f"{title}\n\n{description}" if description else title
    parent_ids = (parent.id,) if parent else ()
    return Commit(
        id=gitids.commit_id(trees[""], parent_ids, author, datetime.fromisoformat(date), text),
        parent=parent.id if parent else None,
        title=title, description=description, author=author, date=date, trees=trees, files=files,
    )  # fmt: skip


def default_attributes(kind: str) -> bytes:
    """The .gitattributes a new repo starts with."""
    suffixes = LFS_SUFFIXES + (DATASET_SUFFIXES if kind == "dataset" else ())
    patterns = [f"*.{suffix}" for suffix in suffixes] + ["saved_model/**/*", "*.tar.*", "*tfevents*"]
    return "".join(f"{pattern} {LFS_ATTRIBUTES}\n" for pattern in sorted(patterns)).encode()


def is_lfs(path: str, size: int, sample: bytes, attributes: str) -> bool:
    """Whether a file belongs in LFS: by .gitattributes, by size, or because it is binary."""
    return size > 0 and (size > LFS_SIZE or b"\0" in sample or matches_attributes(path, attributes))


def matches_attributes(path: str, attributes: str) -> bool:
    """Whether a line `pattern … filter=lfs …` covers the path; a pattern without slash looks at the name."""
    name = path.rsplit("/", 1)[-1]
    for line in attributes.splitlines():
        pattern, *rest = line.split() or ["#"]
        if "filter=lfs" in rest:
            pattern = pattern.replace("[[:space:]]", " ")
            if fnmatchcase(path if "/" in pattern else name, pattern.lstrip("/")):
                return True
    return False


def with_lfs_rules(attributes: str, paths: Iterable[str]) -> str:
    """.gitattributes with a line for each LFS path no pattern covers, as the Hub adds on commit."""
    for path in paths:
        if not matches_attributes(path, attributes):
            separator = "" if not attributes or attributes.endswith("\n") else "\n"
            attributes += f"{separator}{path.replace(' ', '[[:space:]]')} {LFS_ATTRIBUTES}\n"
    return attributes
