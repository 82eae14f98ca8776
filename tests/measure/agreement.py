"""The engine held against `mlx_lm.evaluate` and against whole models, question by question.

What is computed is computed by `agreement_scoring`, in a process of its own in the environment of a loopback
Hub; here is what is asked of it, and what its answers mean. A test and a benchmark use both.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.rehearsal.datasets import standins
from bot.settings import Settings, hub_environment

TASKS = ("arc_challenge", "arc_easy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")
ROOT = Path(__file__).parents[2]

Way = Literal["theirs", "reference", "default", "exact"]
"""theirs     mlx_lm.evaluate's LM, in the model's dtype
reference  the whole model in float32, one line at a time, no caches
default    the engine
exact      the engine with --exact-dtype"""

TIE = 1e-3
"""Nats: with its own dtype, the engine may choose otherwise only where two choices are so close."""

NARROW = 0.1
"""Nats: by default, where the weights are bfloat16."""

Metric = Literal["acc", "acc_norm"]
METRICS: tuple[Metric, ...] = ("acc", "acc_norm")
MEASURED: tuple[Way, ...] = ("theirs", "default", "exact")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the questions of `tasks` of the model in `folder`; `max_tokens` in place of mlx_lm's own limit."""

    name: str
    folder: str
    limit: int | None = None
    chat_template: bool = True
    few_shot: int = 0
    max_tokens: int | None = None
    tasks: tuple[str, ...] = TASKS


class Question(msgspec.Struct, frozen=True):
    """`lengths` of its choices in characters; their log-likelihoods, and what lm-eval counts as right."""

    task: str
    number: int
    lengths: tuple[int, ...]
    values: dict[Way, tuple[float, ...]]
    correct: dict[Way, dict[Metric, bool]]

    def by(self, way: Way, metric: Metric) -> list[float]:
        """What the choices are compared by: nats, or nats a character."""
        values = self.values[way]
        return list(values) if metric == "acc" else [v / n for v, n in zip(values, self.lengths, strict=True)]

    def choice(self, way: Way, metric: Metric) -> int:
        return int(np.argmax(self.by(way, metric)))

    def margin(self, way: Way, metric: Metric, first: int, second: int) -> float:
        """How far two choices are apart, in nats: for acc_norm both would have to move by half of it."""
        values = self.by(way, metric)
        apart = abs(values[first] - values[second])
        if metric == "acc":
            return apart
        return apart * statistics.harmonic_mean([self.lengths[first], self.lengths[second]])


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A job done. `refused`: why mlx_lm.evaluate does not run the model; then `theirs` is missing."""

    job: Job
    questions: tuple[Question, ...]
    computed: dict[Way, str]
    refused: str = ""

    @property
    def standard(self) -> Way:
        """What ours is held against: mlx_lm.evaluate, or the whole model where that does not run."""
        return "reference" if self.refused else "theirs"

    def distances(self, way: Way, from_: Way = "reference") -> list[float]:
        """|difference of log-likelihood| of every choice that is not cut away both here and there."""
        pairs = [(a, b) for q in self.questions for a, b in zip(q.values[way], q.values[from_], strict=True)]
        return [abs(a - b) for a, b in pairs if max(a, b) > -math.inf]

    def accuracy(self, way: Way, metric: Metric) -> float:
        """Over all questions; a task that has no acc_norm counts with none in it."""
        found = [q.correct[way][metric] for q in self.questions if metric in q.correct[way]]
        return sum(found) / len(found)

    def flips(self, way: Way) -> list[Flip]:
        """Every question where the engine chooses otherwise than the standard."""
        return [
            Flip(self.job.name, way, self.standard, question, metric)
            for question in self.questions
            for metric in question.correct[way]
            if question.choice(way, metric) != question.choice(self.standard, metric)
        ]


class Flip(msgspec.Struct, frozen=True):
    """A question that `way` answers with another choice than `standard`."""

    model: str
    way: Way
    standard: Way
    question: Question
    metric: Metric

    def margin(self, way: Way) -> float:
        chosen = [self.question.choice(each, self.metric) for each in (self.way, self.standard)]
        return self.question.margin(way, self.metric, chosen[0], chosen[1])

    @property
    def widest(self) -> float:
        """The larger of the margins of the two that disagree."""
        return max(self.margin(self.way), self.margin(self.standard))


# ------------------------------------------------------------------ asking


def ask(jobs: Sequence[Job], folder: Path) -> list[Asked]:
    """Do the jobs in a process of its own that finds the stand-in datasets on a loopback Hub in `folder`."""
    store = Store(folder / "hub")
    for repo, files in standins().items():
        store.create_repo("dataset", repo)
        store.commit("dataset", repo, files)
    asked, found = folder / "jobs.msgpack", folder / "found.msgpack"
    asked.write_bytes(msgspec.msgpack.encode(list(jobs)))
    command = [sys.executable, "-m", "tests.measure.agreement_scoring", str(asked), str(found)]
    with LoopbackHub.start(folder / "hub") as hub:
        environment = hub_environment(Settings(home=folder / "home", endpoint=hub.endpoint))
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return msgspec.msgpack.decode(found.read_bytes(), type=list[Asked])


# ------------------------------------------------------------------ saying

NOT_RUN = "does not run"
HEADER = (
    "| model | questions, choices | from float32, median: mlx_lm | ours | exact "
    "| largest: mlx_lm | ours | exact "
    "| acc: mlx_lm | ours | exact | acc_norm: mlx_lm | ours | exact | other choices: ours | exact |\n"
    "|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
FLIPS = (
    "| model | way | task | question | metric | margin there | mlx_lm's margin | in float32 |\n"
    "|:--|:--|:--|--:|:--|--:|--:|--:|"
)


def table(asked: Iterable[Asked]) -> str:
    """One row a model. In brackets: the float32 whole model, where mlx_lm.evaluate does not run."""
    return "\n".join([HEADER, *(_row(each) for each in asked)])


def flips_table(asked: Iterable[Asked]) -> str:
    """One row for each question and metric that is answered otherwise; margins in nats."""
    found = [flip for each in asked for way in ("exact", "default") for flip in each.flips(way)]
    return "\n".join([FLIPS, *map(_flip, found)]) if found else "No choice differs."


def _row(asked: Asked) -> str:
    cells = [asked.job.name, f"{len(asked.questions)}, {len(asked.distances('default'))}"]
    for summary in (statistics.median, max):
        for way in MEASURED:
            missing = bool(asked.refused) and way == "theirs"
            cells.append(NOT_RUN if missing else f"{summary(asked.distances(way)):.1e}")
    for metric in METRICS:
        standard = f"{asked.accuracy(asked.standard, metric):.4f}"
        cells.append(f"({standard})" if asked.refused else standard)
        cells += [f"{asked.accuracy(way, metric):.4f}" for way in MEASURED[1:]]
    cells += [str(len(asked.flips(way))) for way in MEASURED[1:]]
    return f"| {' | '.join(cells)} |"


def _flip(flip: Flip) -> str:
    way = {"default": "ours", "exact": "exact"}[flip.way]
    theirs = f"{flip.margin('theirs'):.4f}" if flip.standard == "theirs" else NOT_RUN
    where = f"{flip.question.task} | {flip.question.number} | {flip.metric}"
    margins = f"{flip.margin(flip.way):.4f} | {theirs} | {flip.margin('reference'):.4f}"
    return f"| {flip.model} | {way} | {where} | {margins} |"


# ------------------------------------------------------------------ what is promised


def broken(asked: Asked, *, packed: bool) -> list[str]:
    """The promises that do not hold for this model, in sentences; `packed`: its weights are quantized."""
    found = []
    if not asked.refused:
        mine, theirs = (statistics.median(asked.distances(way)) for way in ("default", "theirs"))
        if not mine < theirs:
            found.append(f"ours is {mine} from float32 at the median, mlx_lm {theirs}")
        found += [f"exact: {_flip(flip)}" for flip in asked.flips("exact") if flip.widest > TIE]
    if not packed:
        found += [f"default: {_flip(flip)}" for flip in asked.flips("default") if flip.widest > NARROW]
    return found
