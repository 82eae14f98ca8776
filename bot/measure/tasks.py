"""One lm-eval task on one model, read into a TaskScore and the outcome of each question."""

from __future__ import annotations

import copy
import functools
import math
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import lm_eval
import lm_eval.utils
import numpy as np
from lm_eval.api.metrics import bootstrap_stderr, mean, stderr_for_metric
from lm_eval.api.model import LM

from bot.errors import VerificationFailed
from bot.measure.definitions import LoadedTask
from bot.measure.results import Outcome
from bot.measure.statistics import chance_rate, majority_rate
from bot.records import MeasureSettings, TaskScore

lm_eval.utils.env.from_string = functools.lru_cache(1024)(lm_eval.utils.env.from_string)
"""lm-eval compiles a task's template again for every question and choice, about a millisecond each: three
quarters of what a small model's questions cost. Its environment has no cache for templates given as text."""

METRICS = ("acc_norm", "acc", "exact_match")
"""The metric of a task is the first of these that it reports, else the first that it reports."""

RESAMPLES = 100
"""Bootstrap resamples of the questions, for metrics whose error has no closed form."""

MOST_TEXT = 400
"""Characters of a generated answer that are kept."""


def measure(
    lm: LM, asked: LoadedTask, settings: MeasureSettings, model: str
) -> tuple[TaskScore, list[Outcome]]:
    """Run one task, as mlx_lm.evaluate would with this seed and this limit.

    A metric that is no share of right answers has no outcomes. Raises VerificationFailed when a likelihood
    or the score is not a finite number.
    """
    results = _evaluated(lm, asked, settings)
    scores = results["results"][asked.name]
    metric, kept = primary(scores)
    samples = [sample for sample in results["samples"][asked.name] if sample["filter"] == kept]
    _refuse_non_finite(samples, asked.name, model)
    value = float(scores[f"{metric},{kept}"])
    if not math.isfinite(value):
        raise VerificationFailed(f"the {metric} of {model} on {asked.name} is {value}: it cannot be compared")
    values = [sample[metric] for sample in samples if metric in sample]
    outcomes = _outcomes(asked.task, metric, samples) if _is_share(values, value) else []
    score = TaskScore(
        task=asked.name,
        metric=metric if kept == "none" else f"{metric},{kept}",
        value=value,
        stderr=_stderr(asked.task.aggregation().get(metric, mean), values),
        n=len(samples),
        version=str(asked.task.VERSION),
        chat_template=bool(lm.use_chat_template),
        few_shot=int(asked.task.get_config("num_fewshot") or 0),
        task_hash=asked.hash,
        **_by_position(outcomes),
    )
    return score, outcomes


def _evaluated(lm: LM, asked: LoadedTask, settings: MeasureSettings) -> dict[str, Any]:
    os.environ.setdefault("DISABLE_MULTIPROC", "1")  # lm-eval's bootstrap would fork a process that has MLX
    random.seed(settings.seed)
    np.random.seed(settings.seed)
    asked.task.set_fewshot_seed(seed=settings.seed)  # each model is shown the same examples
    found: dict[str, Any] = lm_eval.evaluate(
        lm=lm,
        task_dict={"tasks": {asked.name: asked.task}},
        limit=settings.limit,
        bootstrap_iters=0,
        apply_chat_template=lm.use_chat_template,
        fewshot_as_multiturn=False,
    )
    return found


class _CollectedError(Exception):
    """lm-eval asked the LM: these are the requests, and no more is wanted of it."""

    def __init__(self, requests: Sequence[Any]) -> None:
        super().__init__()
        self.requests = requests


def questions(lm: LM, asked: LoadedTask, settings: MeasureSettings) -> list[tuple[str, str]]:
    """The (context, continuation) pairs that `measure` will ask; none of a task that asks otherwise."""

    def collect(requests: Sequence[Any]) -> None:
        raise _CollectedError(requests)

    def collect_none(_: Sequence[Any]) -> None:
        raise _CollectedError(())

    asking = copy.copy(lm)
    asking.loglikelihood = collect
    asking.loglikelihood_rolling = asking.generate_until = collect_none
    try:
        _evaluated(asking, asked, settings)
    except _CollectedError as found:
        return [request.args for request in found.requests]
    return []


def primary(scores: dict[str, Any]) -> tuple[str, str]:
    """The metric that is the task's score, and which filter's (lm-eval: `metric,filter`)."""
    keys = [(metric, kept) for metric, _, kept in (key.partition(",") for key in scores) if kept]
    reported = [(metric, kept) for metric, kept in keys if not metric.endswith("_stderr")]
    wanted = (pair for metric in METRICS for pair in reported if pair[0] == metric)
    return next(wanted, reported[0])


def _stderr(aggregate: Callable[[Sequence[Any]], float], values: Sequence[Any]) -> float:
    """In closed form for a mean, else from the spread of RESAMPLES resamples; 0 where it is not defined."""
    if len(values) < 2:
        return 0.0
    closed = stderr_for_metric(aggregate, RESAMPLES)
    stderr = float(closed(values) if closed else bootstrap_stderr(aggregate, values, RESAMPLES))
    return stderr if math.isfinite(stderr) else 0.0


def _refuse_non_finite(samples: list[dict[str, Any]], task: str, model: str) -> None:
    for sample in samples:
        if not all(math.isfinite(value) for value in _likelihoods(sample)):
            raise VerificationFailed(
                f"{model} answers question {sample['doc_id']} of {task} with a likelihood that is not a "
                "finite number: its weights are broken, quantize it again or take another recipe"
            )


def _likelihoods(sample: dict[str, Any]) -> tuple[float, ...]:
    """Nats; none where the answer is a text."""
    answers = [answer[0] if isinstance(answer, tuple) else answer for answer in sample["filtered_resps"]]
    return tuple(float(answer) for answer in answers if isinstance(answer, (int, float)))


def _is_share(values: Sequence[Any], score: float) -> bool:
    """Whether the score is the share of questions that were answered right."""
    right = [value for value in values if isinstance(value, (bool, int, float)) and value in (0, 1)]
    return len(right) == len(values) > 0 and math.isclose(sum(right) / len(right), score, abs_tol=1e-9)


def _outcomes(task: Any, metric: str, samples: list[dict[str, Any]]) -> list[Outcome]:
    outcome = _choice if task.OUTPUT_TYPE == "multiple_choice" else _text
    return [outcome(task, sample, metric) for sample in samples]


def _text(_: Any, sample: dict[str, Any], metric: str) -> Outcome:
    """A question that is answered by a text, or by one likelihood."""
    first = sample["filtered_resps"][0]
    return Outcome(
        question=sample["doc_id"],
        question_hash=sample["doc_hash"],
        correct=bool(sample[metric]),
        loglikelihoods=_likelihoods(sample),
        text=first[:MOST_TEXT] if isinstance(first, str) else "",
    )


def _choice(task: Any, sample: dict[str, Any], metric: str) -> Outcome:
    """What was chosen, by position, as lm-eval's multiple_choice decides it (Task.process_results)."""
    choices = task.doc_to_choice(sample["doc"])
    values = np.array(_likelihoods(sample)[: len(choices)])  # acc_mutual_info asks for as many again
    lengths = np.array([float(len(choice)) for choice in choices])
    right = task.doc_to_text(sample["doc"]) if task.multiple_input else task.doc_to_target(sample["doc"])
    if isinstance(right, str):
        right = choices.index(right) if right in choices else None
    return Outcome(
        question=sample["doc_id"],
        question_hash=sample["doc_hash"],
        answer=int(np.argmax(values / lengths if metric == "acc_norm" else values)),
        right=None if isinstance(right, list) else right,  # of several right ones none is the one
        correct=bool(sample[metric]),
        loglikelihoods=tuple(float(value) for value in values),
    )


def _by_position(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Of questions with choices: how often each was given and right, and what can be had without a model."""
    if not outcomes or any(outcome.answer is None for outcome in outcomes):
        return {}
    widths = [len(outcome.loglikelihoods) for outcome in outcomes]
    answered = Counter(outcome.answer for outcome in outcomes)
    counted: dict[str, Any] = {"answers": tuple(answered[position] for position in range(max(widths)))}
    if any(outcome.right is None for outcome in outcomes):
        return counted
    right = Counter(outcome.right for outcome in outcomes)
    correct = tuple(right[position] for position in range(max(widths)))
    return counted | {
        "chance": chance_rate(widths),
        "majority": majority_rate(correct),
        "correct": correct,
    }
