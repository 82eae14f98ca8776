"""What is whole on disk: a folder is finished when its record stands beside it and its files still hold.

A quant is written into `<name>.partial`, renamed to `<name>`, and only then its record
`<name>.record.json` is written: whatever a kill leaves behind is never taken for finished.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from bot.hashes import sha256_of
from bot.records import ModelFolder, from_json, to_json


def found(out: Path, name: str, recipe_hash: str, base: str, base_sha: str) -> ModelFolder | None:
    """The finished quant of that name from the same base revision and recipe, its hashes holding; or None."""
    try:
        record = from_json(ModelFolder, msgspec.json.decode(_record_path(out, name).read_bytes()))
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    same = (record.recipe_hash, record.base, record.base_sha) == (recipe_hash, base, base_sha)
    folder = out / name
    return record if same and record.path == str(folder) and _holds(folder, record) else None


def _holds(folder: Path, record: ModelFolder) -> bool:
    weights = {file.path for file in record.files if file.path.endswith(".safetensors")}
    if {path.name for path in folder.glob("*.safetensors")} != weights:
        return False
    for file in record.files:
        path = folder / file.path
        if not path.is_file() or path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            return False
    return True


def partial(out: Path, name: str) -> Path:
    """Where the quant grows. What another recipe or revision left finished under the name is removed."""
    _record_path(out, name).unlink(missing_ok=True)
    if (out / name).exists():
        shutil.rmtree(out / name)
    return out / f"{name}.partial"


def finish(folder_so_far: Path, record: ModelFolder) -> None:
    """Give a complete partial folder its name, then its record."""
    folder = Path(record.path)
    folder_so_far.replace(folder)
    path = _record_path(folder.parent, folder.name)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(to_json(record)))
    temporary.replace(path)


def _record_path(out: Path, name: str) -> Path:
    return out / f"{name}.record.json"
