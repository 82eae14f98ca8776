"""`.eval_results/*.yaml`: scores as the Hub shows them on a model's page and on a benchmark's leaderboard.

The Hub takes results only for datasets on its list of benchmarks, under the ids that the dataset's own
`eval.yaml` gives its tasks (https://huggingface.co/docs/hub/eval-results). The list grows and is not ours to
guess: the Hub is asked, and what it does not list is not written. When this was written (2026) none of the
seven tasks' datasets was among the benchmarks we could see listed, so on the real Hub no file is made yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from bot.errors import NotFound
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.records import Measurement, Record, TaskScore

FOLDER = ".eval_results"
SPECIFICATION = "eval.yaml"
LARGEST = 1 << 20
"""Bytes of an eval.yaml; those of the first benchmarks have some hundred."""


class Questions(Record, frozen=True, kw_only=True):
    """Which questions of a Hub dataset an lm-eval task asks."""

    dataset: str
    config: str
    split: str


ASKED = {
    "arc_challenge": Questions(dataset="allenai/ai2_arc", config="ARC-Challenge", split="test"),
    "arc_easy": Questions(dataset="allenai/ai2_arc", config="ARC-Easy", split="test"),
    "boolq": Questions(dataset="aps/super_glue", config="boolq", split="validation"),
    "hellaswag": Questions(dataset="Rowan/hellaswag", config="default", split="validation"),
    "openbookqa": Questions(dataset="allenai/openbookqa", config="main", split="test"),
    "piqa": Questions(dataset="baber/piqa", config="default", split="validation"),
    "winogrande": Questions(dataset="allenai/winogrande", config="winogrande_xl", split="validation"),
}
"""What lm-eval's definitions of the seven say. Another task takes part by a line here."""


class Task(Record, frozen=True, kw_only=True):
    """One task of a benchmark, as its eval.yaml lists it."""

    id: str
    config: str = "default"
    split: str = ""


class Specification(Record, frozen=True, kw_only=True):
    """What is read of an eval.yaml."""

    tasks: tuple[Task, ...] = ()


def write(
    folder: Path, door: HubDoor, repo: str, measurement: Measurement, *, rehearsal: bool
) -> tuple[str, ...]:
    """Write a file for each benchmark into a quant's folder, older ones go. Returns their paths in the repo.

    Nothing is written in a rehearsal, whose data are stand-ins, nor of tasks that were cut short.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    if rehearsal or not _whole(measurement):
        return ()
    found = entries(measurement, listed(door, _datasets(measurement)), f"{door.url(repo)}/tree/main")
    for path, results in found.items():
        (folder / path).parent.mkdir(exist_ok=True)
        text = yaml.safe_dump(eval_result_entries_to_yaml(list(results)), sort_keys=False)
        (folder / path).write_text(text, encoding="utf-8")
    return tuple(found)


def _whole(measurement: Measurement) -> bool:
    return bool(measurement.tasks) and measurement.settings.limit is None


def _datasets(measurement: Measurement) -> set[str]:
    return {ASKED[score.task].dataset for score in measurement.tasks if score.task in ASKED}


def listed(door: HubDoor, datasets: Iterable[str]) -> dict[str, tuple[Task, ...]]:
    """Those of the datasets that the Hub lists as benchmarks, with their tasks."""
    official = patiently(
        lambda: {found.id for found in door.api.list_datasets(benchmark=True)}, "the list of benchmarks"
    )
    return {dataset: _tasks(door, dataset) for dataset in sorted(set(datasets) & official)}


def _tasks(door: HubDoor, dataset: str) -> tuple[Task, ...]:
    """The tasks of a benchmark; none where its eval.yaml is missing or unreadable."""
    try:
        path = Path(
            patiently(lambda: door.api.hf_hub_download(dataset, SPECIFICATION, repo_type="dataset"), dataset)
        )
        if path.stat().st_size > LARGEST:
            return ()
        return msgspec.convert(yaml.safe_load(path.read_bytes()), Specification).tasks
    except (NotFound, yaml.YAMLError, msgspec.ValidationError, RecursionError):
        return ()


def entries(
    measurement: Measurement, benchmarks: Mapping[str, tuple[Task, ...]], source: str
) -> dict[str, tuple[EvalResultEntry, ...]]:
    """The results by their path in the repo. Pure. `benchmarks` as `listed` gives them, `source` an address
    where the evidence lies."""
    found: dict[str, tuple[EvalResultEntry, ...]] = {}
    if not _whole(measurement):
        return found
    for score in measurement.tasks:
        asked = ASKED.get(score.task)
        task = _same_questions(asked, benchmarks) if asked is not None else None
        if asked is None or task is None:
            continue
        path = f"{FOLDER}/{asked.dataset.rsplit('/', 1)[1]}.yaml"
        found[path] = (*found.get(path, ()), _entry(score, asked, task, measurement, source))
    return found


def _same_questions(asked: Questions, benchmarks: Mapping[str, tuple[Task, ...]]) -> str | None:
    """The benchmark's id for exactly these questions, or None."""
    tasks = benchmarks.get(asked.dataset, ())
    return next((t.id for t in tasks if (t.config, t.split) == (asked.config, asked.split)), None)


def _entry(
    score: TaskScore, asked: Questions, task: str, measurement: Measurement, source: str
) -> EvalResultEntry:
    return EvalResultEntry(
        dataset_id=asked.dataset,
        task_id=task,
        value=score.value,
        dataset_revision=measurement.dataset_revisions.get(asked.dataset),
        date=measurement.measured_at or None,
        source_url=source,
        source_name="qx_manifest.json and the outcome of every question",
        notes=_notes(score, measurement),
    )


def _notes(score: TaskScore, measurement: Measurement) -> str:
    harness = measurement.versions.get("lm-eval", "")
    template = "with the chat template" if score.chat_template else "without a chat template"
    return (
        f"{score.metric} ± {score.stderr:.4f} on {score.n} questions, choices by log-likelihood, "
        f"{score.few_shot}-shot, {template}; lm-evaluation-harness {harness} {score.task}"
        f"{' version ' + score.version if score.version else ''}"
    ).strip()
