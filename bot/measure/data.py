"""The measured data: where it is, at which revision it stands, and what it means when it does not come."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datasets.exceptions import DatasetNotFoundError, DatasetsError
from huggingface_hub import HfApi

from bot.errors import ConfigError, HubUnavailable, NotFound
from bot.hashes import sha256_of
from bot.hub_errors import FOREIGN, translate_errors
from bot.records import Record

FILE_LOADERS = ("arrow", "csv", "json", "parquet", "text", "xml")
"""What stands as `dataset_path` of a task whose data are files; they are named by its `data_files`."""


COMES_FROM_AFAR = (DatasetsError, ConnectionError, *FOREIGN)
"""What `loading` translates."""


class Data(Record, frozen=True, kw_only=True):
    """Where a task's questions are: a dataset of the Hub named `name`, or local `files`."""

    name: str
    files: tuple[str, ...] | None = None


def of_dataset(dataset: str) -> Data:
    """A dataset of the Hub, or a folder of that name on this machine."""
    folder = Path(dataset)
    if not folder.is_dir():
        return Data(name=dataset)
    inside = (path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path, folder))
    return Data(name=folder.name, files=tuple(str(path) for path in inside))


def of_task(task: str, path: str | None, arguments: dict[str, Any]) -> Data | None:
    """The data of a task from its `dataset_path` and `dataset_kwargs`.

    None where the task makes its data itself, or fetches it from an address that is no Hub's.
    """
    if path is None:
        return None
    if path not in FILE_LOADERS:
        return of_dataset(path)
    base = Path(arguments.get("data_dir") or "").expanduser()
    names = list(_file_names(arguments.get("data_files") or ("*" if arguments.get("data_dir") else ())))
    if any("://" in name for name in names):
        return None
    files = [file for name in names for file in _matching(base, name)]
    return Data(name=f"{task}: {', '.join(file.name for file in files)}", files=tuple(map(str, files)))


def revision(dataset: str) -> str | None:
    """The commit of a dataset's main branch on the Hub of HF_ENDPOINT; None for a local folder.

    Results are kept under it, so that new data is never answered by old results.
    Raises NotFound, HubUnavailable.
    """
    if Path(dataset).is_dir():
        return None
    with translate_errors(f"the dataset {dataset}"):
        sha = HfApi().dataset_info(dataset).sha
    return str(sha)


def revision_of(found: Data) -> str:
    """The commit of a Hub's dataset; of files `sha256:` and one hash over their names and contents.

    Raises NotFound (also for a file that is not there), HubUnavailable.
    """
    if found.files is None:
        return revision(found.name) or ""
    total = hashlib.sha256()
    for file in map(Path, found.files):
        if not file.is_file():
            raise NotFound(f"{file}, data of {found.name}, is no file: mend the task's data_files")
        total.update(f"{file.name}\0{sha256_of(file)}\n".encode())
    return f"sha256:{total.hexdigest()}"


@contextlib.contextmanager
def loading(what: str, *, local: bool = False) -> Iterator[None]:
    """Translate what `datasets` raises inside the block, which loads `what`, into BotErrors.

    What is `local` and cannot be read is a file of the user's: ConfigError.
    """
    with translate_errors(what):
        try:
            yield
        except DatasetNotFoundError as error:
            raise NotFound(f"{what} is not on the Hub, or is gated for this token") from error
        except (DatasetsError, ConnectionError) as error:
            if local:
                cause = " ".join(str(error.__cause__ or error).split())[:200]
                raise ConfigError(f"{what} cannot be read: {cause}") from error
            raise HubUnavailable(f"{what} did not come whole: run it again later") from error


def _file_names(said: Any) -> Iterable[str]:
    """`data_files` is a name, a list of names, or one of those for each split."""
    if isinstance(said, str):
        return (said,)
    values = said.values() if isinstance(said, dict) else said
    return tuple(name for value in values for name in _file_names(value))


def _matching(base: Path, name: str) -> list[Path]:
    """The files that a name or a pattern means; a name that means none stands for itself."""
    path = base / Path(name).expanduser()
    return sorted(file for file in path.parent.glob(path.name) if file.is_file()) or [path]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
