"""The real lm-eval tasks: loaded once per process, run on each model, read into a TaskScore.

lm-eval's full TaskManager reads some ten thousand task files, which takes nine seconds; the tasks
of the cards stand in six folders, so only those are read.
"""

from __future__ import annotations

import logging
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import lm_eval.tasks
import numpy as np
from lm_eval.api.model import LM

from bot.errors import ConfigError, VerificationFailed
from bot.measure.data import loading
from bot.measure.results import Outcome
from bot.measure.statistics import chance_rate, majority_rate
from bot.records import MeasureSettings, TaskScore

datasets.config.USE_PARQUET_EXPORT = False  # the dataset viewer is another server than HF_ENDPOINT
logging.getLogger("lm_eval").setLevel(logging.ERROR)

KNOWN = {
    "arc_challenge": ("arc", "allenai/ai2_arc"),
    "arc_easy": ("arc", "allenai/ai2_arc"),
    "boolq": ("super_glue/boolq", "aps/super_glue"),
    "hellaswag": ("hellaswag", "Rowan/hellaswag"),
    "openbookqa": ("openbookqa", "allenai/openbookqa"),
    "piqa": ("piqa", "baber/piqa"),
    "winogrande": ("winogrande", "allenai/winogrande"),
}
"""The tasks of the cards: their folder in lm-eval and the Hub id of their dataset."""

METRICS = ("acc_norm", "acc")
"""The metric of a task is the first of these that it defines."""


def dataset_of(name: str) -> str:
    """The Hub id of a task's dataset. Raises ConfigError for a task that is not among KNOWN."""
    if name not in KNOWN:
        raise ConfigError(f"there is no task {name!r} to measure: choose among {', '.join(KNOWN)}")
    return KNOWN[name][1]


def manager(names: Sequence[str]) -> Any:
    """lm-eval's TaskManager over the folders of these tasks."""
    root = Path(lm_eval.tasks.__file__).parent
    folders = [root / folder for folder in sorted({KNOWN[name][0] for name in names})]
    return lm_eval.tasks.TaskManager(include_defaults=False, include_path=folders)


def load(names: Sequence[str], seed: int) -> dict[str, Any]:
    """The tasks by name, their documents loaded through HF_ENDPOINT.

    Raises NotFound and HubUnavailable when the data does not come.
    """
    known = manager(names)
    tasks = {}
    for name in names:
        with loading(f"the data of {name}"):
            task = known.load([name])["tasks"][name]
        task.set_config(key="num_fewshot", value=task.get_config("num_fewshot") or 0)
        task.set_fewshot_seed(seed=seed)
        tasks[name] = task
    return tasks


def measure(lm: LM, task: Any, settings: MeasureSettings, model: str) -> tuple[TaskScore, list[Outcome]]:
    """Run one task, as lm_eval.simple_evaluate would with these seeds and this limit.

    Raises VerificationFailed when a likelihood is not a finite number.
    """
    random.seed(settings.seed)
    np.random.seed(settings.seed)
    name = task.task_name
    results = lm_eval.evaluate(
        lm=lm,
        task_dict={"tasks": {name: task}},
        limit=settings.limit,
        bootstrap_iters=1,  # nothing is drawn: the stderr of an accuracy is in closed form
        apply_chat_template=lm.use_chat_template,
        fewshot_as_multiturn=True,
    )
    scores = results["results"][name]
    metric = next(metric for metric in METRICS if f"{metric},none" in scores)
    outcomes = [_outcome(task, sample, metric) for sample in results["samples"][name]]
    _refuse_non_finite(outcomes, name, model)
    stderr = scores[f"{metric}_stderr,none"]
    return _score(task, metric, scores[f"{metric},none"], stderr, outcomes), outcomes


def _refuse_non_finite(outcomes: list[Outcome], task: str, model: str) -> None:
    for outcome in outcomes:
        if not all(math.isfinite(value) for value in outcome.loglikelihoods):
            raise VerificationFailed(
                f"{model} answers question {outcome.question} of {task} with a likelihood that is not a "
                "finite number: its weights are broken, quantize it again or take another recipe"
            )


def _outcome(task: Any, sample: dict[str, Any], metric: str) -> Outcome:
    """What was answered, by position, as lm-eval's multiple_choice decides it (Task.process_results)."""
    choices = task.doc_to_choice(sample["doc"])
    values = np.array([value for value, _ in sample["filtered_resps"]])
    lengths = np.array([float(len(choice)) for choice in choices])
    answer = int(np.argmax(values / lengths if metric == "acc_norm" else values))
    right = task.doc_to_text(sample["doc"]) if task.multiple_input else task.doc_to_target(sample["doc"])
    return Outcome(
        question=sample["doc_id"],
        question_hash=sample["doc_hash"],
        answer=answer,
        right=choices.index(right) if isinstance(right, str) else int(right),
        correct=bool(sample[metric]),
        loglikelihoods=tuple(float(value) for value in values),
    )


def _score(task: Any, metric: str, value: float, stderr: float | str, outcomes: list[Outcome]) -> TaskScore:
    widths = [len(outcome.loglikelihoods) for outcome in outcomes]
    answered = Counter(outcome.answer for outcome in outcomes)
    right = Counter(outcome.right for outcome in outcomes)
    positions = range(max(widths))
    correct = tuple(right[position] for position in positions)
    return TaskScore(
        task=task.task_name,
        metric=metric,
        value=float(value),
        stderr=0.0 if isinstance(stderr, str) else float(stderr),  # "N/A" when there is one question
        n=len(outcomes),
        version=str(task.VERSION),
        chance=chance_rate(widths),
        majority=majority_rate(correct),
        answers=tuple(answered[position] for position in positions),
        correct=correct,
    )
