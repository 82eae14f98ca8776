"""Per-question outcomes in a model's repo, so that anybody can repeat the paired test.

    measurements/<task>.outcomes.gz                  this quant's
    measurements/<task>.plain.outcomes.gz            this quant's, asked without the chat template
    measurements/base/<task>.outcomes.gz             the base's, on the same questions

Each is gzip of JSON lines, an `Outcome` a question: its number and hash, what was answered, what is right,
the log-likelihoods; no text of the data set.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.measure.results import Outcomes, decode_outcomes
from bot.records import Measurement, TaskScore

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

FOLDER = "measurements"
BASE = f"{FOLDER}/base"

Read = Callable[[str], bytes | None]
"""The bytes of a file below a store, a folder or a repo; None where there is none."""


def keep(
    folder: Path, store: Path, measurement: Measurement, base: Measurement | None
) -> tuple[Measurement, Measurement | None]:
    """Copy the outcomes of a quant and its base from the store into the quant's folder; older ones go.

    Returns both measurements, which now name the copies; a task whose outcomes the store lacks names none.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    read = below(store)
    return _kept(folder, FOLDER, read, measurement), base and _kept(folder, BASE, read, base)


def _kept(folder: Path, under: str, read: Read, measurement: Measurement) -> Measurement:
    def copied(score: TaskScore, plain: bool) -> TaskScore:
        data = read(score.outcomes) if score.outcomes else None
        if data is None:
            return replace(score, outcomes=None)
        name = f"{under}/{_file_name(score.task)}{'.plain' if plain else ''}.outcomes.gz"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return replace(score, outcomes=name)

    return replace(
        measurement,
        tasks=tuple(copied(score, plain=False) for score in measurement.tasks),
        tasks_without_template=tuple(
            copied(score, plain=True) for score in measurement.tasks_without_template
        ),
    )


def _file_name(task: str) -> str:
    """The task's name; one that is no plain file name is made one, and told apart by a hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", task)
    return plain if plain == task else f"{plain}-{hashlib.sha256(task.encode()).hexdigest()[:8]}"


def below(folder: Path) -> Read:
    """Reads files below `folder`."""
    return lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None


def on_hub(door: HubDoor, repo: str, revision: str | None = None) -> Read:
    """Reads files of a repo."""
    return lambda name: door.read(repo, name, revision)


def outcomes(measurement: Measurement, read: Read) -> Outcomes:
    """The outcomes that can be read of those the measurement names; what is no such file is left out."""
    found = {}
    for score in (*measurement.tasks, *measurement.tasks_without_template):
        data = read(score.outcomes) if score.outcomes and _stays_inside(score.outcomes) else None
        if score.outcomes and data is not None:
            try:
                found[score.outcomes] = decode_outcomes(data)
            except ValueError:
                continue  # the scores remain, and are compared unpaired
    return found


def _stays_inside(name: str) -> bool:
    """A manifest may be anybody's: its file names are followed only downwards."""
    path = PurePosixPath(name)
    return "\\" not in name and ".." not in path.parts and not path.is_absolute()
