"""Which tasks are meant: lm-eval's own, and those of a folder of the user's, found by name.

lm-eval's full TaskManager reads some ten thousand task files, which takes nine seconds. The tasks of the
cards stand in six of its folders, so only those are read, until a task is asked for that is elsewhere.
"""

from __future__ import annotations

import copy
import difflib
import functools
import hashlib
import inspect
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
import lm_eval.tasks
import msgspec
import yaml
from lm_eval.config.task import TaskConfig
from lm_eval.tasks._factory import GROUP_FIELD_NAMES
from lm_eval.tasks._index import Entry, Kind
from lm_eval.tasks._yaml_loader import load_yaml

from bot.errors import BotError, ConfigError, UsageError
from bot.measure.data import COMES_FROM_AFAR, Data, loading, of_task

datasets.config.USE_PARQUET_EXPORT = False  # the dataset viewer is another server than HF_ENDPOINT
logging.getLogger("lm_eval").setLevel(logging.ERROR)

KNOWN = {
    "arc_challenge": "arc",
    "arc_easy": "arc",
    "boolq": "super_glue/boolq",
    "hellaswag": "hellaswag",
    "openbookqa": "openbookqa",
    "piqa": "piqa",
    "winogrande": "winogrande",
}
"""The tasks of the cards and their folders in lm-eval."""

STRUCTURAL = ("tag", "group", "task_list", "class")
"""Keys of a task's file that are no part of its configuration."""


class LoadedTask(msgspec.Struct, frozen=True):
    """An lm-eval task with its documents, under its name and the hash of its definition."""

    name: str
    hash: str
    task: Any


class TaskBook:
    """The tasks that `names` mean, with groups and tags taken apart; `include_path` folders come first.

    Raises ConfigError for an unknown name (saying near ones), a broken task file, and a group that gives its
    tasks other settings; UsageError for an `include_path` that is no folder.
    """

    def __init__(self, names: Sequence[str], include_path: Sequence[str] = ()) -> None:
        for folder in include_path:
            if not Path(folder).is_dir():
                raise UsageError(f"the include path {folder} is no folder: give one that holds task files")
        self._include = tuple(include_path)
        self._manager = _known(names, self._include)
        try:
            self.names = self._expanded(names)
        except KeyError:
            self._manager = _everything(self._include)
            self.names = self._expanded_or_refused(names)
        self._configs: dict[str, dict[str, Any]] = {}

    def data(self, name: str) -> Data | None:
        """Where a task's questions are; None where that cannot be told from its file."""
        config = self._config(name)
        path = config.get("dataset_path") or getattr(config.get("class"), "DATASET_PATH", None)
        return of_task(name, path, config.get("dataset_kwargs") or {})

    def hash(self, name: str) -> str:
        """SHA-256 of the task's configuration as lm-eval dumps it; functions count with their whole file."""
        config = {key: value for key, value in self._config(name).items() if key not in STRUCTURAL}
        source = self._config(name).get("class")
        if source is None:
            try:
                config = TaskConfig(**copy.deepcopy(config)).to_dict(keep_callable=True)
            except Exception as error:  # whatever lm-eval makes of a stranger's file
                raise _unusable(name, self._entry(name), error) from error
        text = json.dumps([config, source], sort_keys=True, default=_source)
        return hashlib.sha256(text.encode()).hexdigest()

    def load(self, name: str) -> LoadedTask:
        """The task with its documents, few-shot examples as its file says.

        Raises ConfigError for a task that lm-eval cannot make of its file, runs code, or shows pictures;
        NotFound and HubUnavailable when the data does not come.
        """
        data = self.data(name)
        with loading(f"the data of {name}", local=data is not None and data.files is not None):
            task = self._made(name)
        if getattr(task, "UNSAFE_CODE", False):
            raise ConfigError(f"{name} runs code that the model writes: the bot does not measure it")
        if getattr(task, "MULTIMODAL", False):
            raise ConfigError(f"{name} asks about pictures or sounds: the bot measures text only")
        task.set_config(key="num_fewshot", value=task.get_config("num_fewshot") or 0)
        return LoadedTask(name, self.hash(name), task)

    def _made(self, name: str) -> Any:
        try:
            return self._manager.load([name])["tasks"][name]
        except COMES_FROM_AFAR:
            raise
        except Exception as error:  # whatever lm-eval makes of a stranger's file
            raise _unusable(name, self._entry(name), error) from error

    def _config(self, name: str) -> dict[str, Any]:
        if name not in self._configs:
            entry = self._entry(name)
            try:
                self._configs[name] = load_yaml(entry.yaml_path, resolve_func=True)
            except Exception as error:  # its functions are imported, which runs the user's own code
                raise _unusable(name, entry, error) from error
        return self._configs[name]

    def _entry(self, name: str) -> Entry:
        return self._manager.task_index[name]

    def _expanded_or_refused(self, names: Sequence[str]) -> tuple[str, ...]:
        try:
            return self._expanded(names)
        except KeyError as error:
            raise _unknown(error.args[0], self._manager.all_tasks) from None

    def _expanded(self, names: Sequence[str]) -> tuple[str, ...]:
        """Raises KeyError with the name that is not in the index."""
        for name in names:
            _refuse_broken(name, self._manager.task_index.get(name), self._include)
        return tuple(dict.fromkeys(task for name in names for task in _tasks(self._manager.task_index, name)))


def _known(names: Sequence[str], include: tuple[str, ...]) -> Any:
    """lm-eval's TaskManager over the folders of those tasks that are known, and the user's."""
    root = Path(lm_eval.tasks.__file__).parent
    folders = [root / folder for folder in sorted({KNOWN[name] for name in names if name in KNOWN})]
    return lm_eval.tasks.TaskManager(include_defaults=False, include_path=[*folders, *include])


@functools.cache
def _everything(include: tuple[str, ...]) -> Any:
    """Nine seconds."""
    return lm_eval.tasks.TaskManager(include_path=list(include))


def _tasks(index: dict[str, Entry], name: str) -> Iterator[str]:
    """The tasks that a name means. Raises KeyError with a name that is not in the index."""
    entry = index[name]
    if entry.kind is Kind.TAG:
        for member in sorted(entry.tags):
            yield from _tasks(index, member)
    elif entry.kind is Kind.GROUP:
        for member in _members(name, entry.cfg or {}):
            yield from _tasks(index, member)
    else:
        yield name


def _members(group: str, config: dict[str, Any]) -> list[str]:
    members = [
        {"task": member} if isinstance(member, str) else dict(member) for member in config.get("task") or ()
    ]
    names = [str(member.pop("task", None) or member.pop("group", "")) for member in members]
    if config.keys() - GROUP_FIELD_NAMES - {"tag"} or any(members):
        raise ConfigError(
            f"the group {group} gives its tasks other settings than their own files: "
            f"name its tasks instead ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
        )
    return names


# ------------------------------------------------------------------ mistakes


def _unknown(name: str, known: Sequence[str]) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=3)
    meant = f"is {' or '.join(near)} meant?" if near else f"known are {', '.join(KNOWN)} and lm-eval's others"
    return ConfigError(f"there is no task {name!r} to measure: {meant}")


def _refuse_broken(name: str, entry: Entry | None, include: tuple[str, ...]) -> None:
    """lm-eval passes over files that it cannot read; one that seems to define this task is told instead."""
    if entry is not None and entry.yaml_path and any(entry.yaml_path.is_relative_to(f) for f in include):
        return
    for path in (path for folder in include for path in sorted(Path(folder).rglob("*.yaml"))):
        if path.stem == name or name in path.read_text("utf-8", "replace"):
            try:
                load_yaml(path, resolve_func=False)
            except Exception as error:
                raise ConfigError(
                    f"{_where(path, error)}: {_cause(error)}; {name} cannot be measured"
                ) from error


def _unusable(name: str, entry: Entry, error: Exception) -> BotError:
    return ConfigError(f"{entry.yaml_path}: lm-eval cannot make the task {name} of it: {_cause(error)}")


def _where(path: Path, error: Exception) -> str:
    """File and line, where PyYAML tells it; the file may be one that `path` includes."""
    mark = getattr(error, "problem_mark", None)
    return f"{getattr(mark, 'name', None) or path}:{mark.line + 1}" if mark is not None else str(path)


def _cause(error: Exception) -> str:
    said = getattr(error, "problem", None) if isinstance(error, yaml.MarkedYAMLError) else None
    text = " ".join(str(said or error).split())[:300]
    return text if said else f"{type(error).__name__}: {text}"


def _source(value: Any) -> str:
    """Something of a configuration that is no JSON: a function or class by its name and its file's text."""
    if not callable(value):
        return str(value)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    try:
        file = inspect.getsourcefile(value)
    except TypeError:
        file = None
    return f"{name}\n{Path(file).read_text('utf-8')}" if file else f"{value.__module__}.{name}"
