"""The computing half of `agreement`: `python -m tests.measure.agreement_scoring JOBS FOUND` (msgpack)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from bot import blas

blas.load_openblas()

import mlx.core as mx  # noqa: E402  OpenBLAS has to be there before anything brings MLX
import mlx.nn as nn  # noqa: E402
import mlx_lm  # noqa: E402
import msgspec  # noqa: E402
from mlx_lm.evaluate import DEFAULT_MAX_TOKENS, MLXLM  # noqa: E402

from bot.measure import likelihood  # noqa: E402
from bot.measure.definitions import TaskBook  # noqa: E402
from bot.measure.engine.scorer import Scorer, open_folder  # noqa: E402
from bot.measure.model import compute_in_float32  # noqa: E402
from tests.measure.agreement import Asked, Job, Question, Way  # noqa: E402

SEED = 123
"""mlx_lm.evaluate's."""

Requests = Sequence[Any]
"""lm-eval Instances."""


def asked(job: Job, tasks: dict[str, Any]) -> Asked:
    """All ways on the same requests."""
    found: dict[Way, list[float]] = {}
    computed: dict[Way, str] = {}
    with mock.patch.object(likelihood, "DEFAULT_MAX_TOKENS", job.max_tokens or DEFAULT_MAX_TOKENS):
        lms: dict[Way, likelihood.EngineLM] = {
            "default": engine(job, exact=False),
            "exact": engine(job, exact=True),
        }
        requests = built(job, lms["default"], tasks)
        for way, lm in lms.items():
            found[way] = [value for value, _ in lm.loglikelihood(requests)]
            computed[way] = lm._scorer.computation.why
    found["reference"] = reference(job, requests)
    answers, refused = theirs(job, requests)
    if not refused:
        found["theirs"] = answers
    made = tuple(questions(requests, found, tasks))
    return Asked(job=job, questions=made, computed=computed, refused=refused)


def engine(job: Job, *, exact: bool) -> likelihood.EngineLM:
    return likelihood.make_lm(scorer(job.folder, exact), Path(job.folder), chat_template=job.chat_template)


@functools.cache
def scorer(folder: str, exact: bool) -> Scorer:
    """Opened once: finding out how to compute takes a second."""
    return open_folder(Path(folder), exact=exact)


def built(job: Job, lm: likelihood.EngineLM, tasks: dict[str, Any]) -> Requests:
    """The requests that lm-eval makes for these tasks with this tokenizer's chat template."""
    for name in job.tasks:
        tasks[name].set_config(key="num_fewshot", value=job.few_shot)
        tasks[name].set_fewshot_seed(seed=SEED)
        tasks[name].build_all_requests(
            limit=job.limit,
            apply_chat_template=lm.use_chat_template,
            chat_template=lm.apply_chat_template,
            tokenizer_name=job.name,
        )
    return [instance for name in job.tasks for instance in tasks[name].instances]


def theirs(job: Job, requests: Requests) -> tuple[list[float], str]:
    """mlx_lm.evaluate's LM as its command makes it; or why MLX does not compute this model here."""
    lm = MLXLM(job.folder, max_tokens=job.max_tokens, use_chat_template=job.chat_template)
    try:
        return [value for value, _ in lm.loglikelihood(requests)], ""
    except RuntimeError as error:
        if "GatherMM" not in str(error):
            raise
        return [], " ".join(str(error).split())


def reference(job: Job, requests: Requests) -> list[float]:
    """The whole model in float32 on each line alone. It tokenizes and cuts by itself, one text at a time."""
    model, tokenizer = mlx_lm.load(job.folder)
    compute_in_float32(model)
    special = not job.chat_template
    pairs = [request.args for request in requests]
    texts = [tuple(tokenizer.encode(c + said, add_special_tokens=special)) for c, said in pairs]
    contexts = {c: tuple(tokenizer.encode(c, add_special_tokens=special)) for c, _ in pairs}
    longest: dict[str, int] = {}
    for (context, _), text in zip(pairs, texts, strict=True):
        longest[context] = max(longest.get(context, 0), len(text))
    limit = (job.max_tokens or DEFAULT_MAX_TOKENS) + 1
    known: dict[tuple[int, tuple[int, ...]], float] = {}
    found = []
    for (context, _), text in zip(pairs, texts, strict=True):
        cut, start = max(0, longest[context] - limit), len(contexts[context])
        if start <= cut:
            found.append(-float("inf"))
            continue
        line = (start - cut, text[cut:])
        if line not in known:
            known[line] = summed(model, *line)
        found.append(known[line])
    return found


def summed(model: nn.Module, start: int, tokens: Sequence[int]) -> float:
    """Log-likelihood of `tokens[start:]`, each given all before it."""
    logits = model(mx.array([list(tokens[:-1])]))[0].astype(mx.float32)
    targets = mx.array(list(tokens[1:]))[:, None]
    each = mx.take_along_axis(nn.log_softmax(logits), targets, axis=-1)[start - 1 :, 0]
    total: float = each.sum().item()  # type: ignore[assignment]
    return total


def questions(requests: Requests, found: dict[Way, list[float]], tasks: dict[str, Any]) -> list[Question]:
    """Each question with all ways' answers, counted right or wrong by the lm-eval task itself."""
    places: dict[tuple[str, int], list[int]] = {}
    for place, request in enumerate(requests):
        places.setdefault((request.task_name, request.doc_id), []).append(place)
    made = []
    for (name, number), those in places.items():
        task, doc = tasks[name], requests[those[0]].doc
        lengths = tuple(len(choice) for choice in task.doc_to_choice(doc))
        values = {way: tuple(answers[place] for place in those) for way, answers in found.items()}
        correct = {way: right(task, doc, each) for way, each in values.items()}
        made.append(Question(name, number, lengths, values, correct))
    return made


def right(task: Any, doc: Any, values: Sequence[float]) -> Any:
    counted = task.process_results(doc, [(value, False) for value in values])
    return {metric: bool(counted[metric]) for metric in ("acc", "acc_norm") if metric in counted}


def main(jobs_file: str, out_file: str) -> None:
    jobs = msgspec.msgpack.decode(Path(jobs_file).read_bytes(), type=list[Job])
    names = tuple(dict.fromkeys(name for job in jobs for name in job.tasks))
    book = TaskBook(names)
    tasks = {name: book.load(name).task for name in names}
    Path(out_file).write_bytes(msgspec.msgpack.encode([asked(job, tasks) for job in jobs]))


if __name__ == "__main__":
    main(*sys.argv[1:])
