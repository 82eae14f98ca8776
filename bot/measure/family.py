"""The stage: a base and its quants, measured one after the other by one process.

Each measurement (a task, the perplexity, the speed) is kept as soon as it is finished, so a
killed process loses the one that was running, and a model that was measured before is not even
loaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from bot.child import Progress, Report
from bot.errors import ConfigError, VerificationFailed
from bot.measure import chat, data, device, model, perplexity, results, speed
from bot.measure.ask import Done
from bot.measure.data import Data
from bot.measure.definitions import LoadedTask, TaskBook
from bot.measure.likelihood import Tokenized
from bot.measure.loaded import LoadedModel
from bot.measure.perplexity import Text
from bot.measure.request import (
    PROMPTS,
    Measurements,
    MeasureRequest,
    ModelToMeasure,
    NotMeasured,
    Planned,
    PlannedModel,
)  # fmt: skip
from bot.measure.results import Finished
from bot.records import Measurement, MeasureSettings, Record, TaskScore

PACKAGES = ("mlx", "mlx-lm", "lm-eval", "datasets", "transformers")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "chat_template.jinja")

DEPENDS_ON = {
    "speed": ("prompt_tokens", "generation_tokens", "speed_trials"),
    "perplexity": (
        "seed", "exact_dtype", "perplexity_dataset", "perplexity_samples", "perplexity_sequence_length",
    ),
    "task": ("seed", "exact_dtype", "limit"),
}  # fmt: skip
"""The settings that a measurement depends on; a change of another one does not repeat it."""


class What(Record, frozen=True, kw_only=True):
    """One measurement of a model. A task is asked with its chat template or without.

    `again`: it was asked with it already, and this is the second time.
    """

    kind: Literal["speed", "perplexity", "task"]
    task: str = ""
    chat_template: bool = False
    again: bool = False

    @property
    def name(self) -> str:
        """As progress shows it."""
        return f"{self.task or self.kind}{' without chat template' if self.again else ''}"

    @property
    def file(self) -> str:
        """As the store's files are called; a task's name may hold what a file's must not."""
        name = re.sub(r"[^\w.-]", "_", self.task or self.kind)
        return f"{name}-plain" if self.kind == "task" and not self.chat_template else name


SPEED = What(kind="speed")


def asked_for(settings: MeasureSettings, tasks: Sequence[str]) -> tuple[What, ...]:
    """The measurements of each model, in the order in which they are made.

    Speed comes first: it belongs to the weights as they are published.
    """
    return (
        *((SPEED,) if settings.speed_trials else ()),
        *((What(kind="perplexity"),) if settings.perplexity_samples else ()),
        *(
            What(kind="task", task=task, chat_template=template, again=number > 0)
            for number, template in enumerate(settings.templates)
            for task in tasks
        ),
    )


def measure(request: MeasureRequest, report: Report) -> Measurements:
    """Measure every model of the request, or read what was measured before.

    The base answers the chat prompts too, for its quants to be held against, where it fits the memory whole.
    A quant whose numbers are not finite, or that does not load, is told in `failed` and the others go on.
    Raises VerificationFailed when that is the base (no recipe); ConfigError, NotFound and HubUnavailable
    when tasks or data are missing.
    """
    family = _Family(request, report)
    items: list[Measurement] = []
    failed: list[NotMeasured] = []
    for number, asked in enumerate(request.models):
        try:
            items.append(_with_answers(family.measure(number, asked), asked, report))
        except VerificationFailed as error:
            if asked.recipe is None:
                raise
            kind = type(error).__name__
            failed.append(
                NotMeasured(name=asked.name, recipe=asked.recipe, error=str(error), error_kind=kind)
            )
    return Measurements(items=tuple(items), failed=tuple(failed))


def planned(request: MeasureRequest, report: Report) -> Planned:
    """What `measure` would do, and what is kept already. Raises what it raises before a model is loaded."""
    family = _Family(request, report)
    return Planned(tasks=family.book.names, models=tuple(family.planned(asked) for asked in request.models))


def _with_answers(measured: Measurement, asked: ModelToMeasure, report: Report) -> Measurement:
    """The base with its chat answers. Quants answer later, in a fresh process, as downloaded from the Hub."""
    if asked.recipe is not None or asked.size_bytes > speed.FILL * device.usable_memory():
        return measured
    return replace(measured, answers=chat.answers(Path(asked.path), PROMPTS, report))


class _Family:
    """What the models of one request share: task documents, perplexity text, revisions of the data."""

    def __init__(self, request: MeasureRequest, report: Report) -> None:
        self.settings = request.settings
        self.store = Path(request.store)
        self.models = request.models
        self.report = report
        self.device = device.description()
        self.versions = {package: version(package) for package in PACKAGES}
        self.book = TaskBook(self.settings.tasks, request.include_path)
        self.whats = asked_for(self.settings, self.book.names)
        if not self.whats:
            raise ConfigError("nothing is asked for: name tasks, perplexity samples or speed trials")
        self._texts: dict[str, Text | None] = {}
        self._tokenized: dict[str, Tokenized] = {}
        self._tasks: dict[str, LoadedTask] = {}
        self._furthest = 0.0

    @cached_property
    def data(self) -> dict[str, Data]:
        """Where the questions of each task and the text of the perplexity are."""
        found = {name: self.book.data(name) for name in self.book.names}
        if any(what.kind == "perplexity" for what in self.whats):
            found[""] = data.of_dataset(self.settings.perplexity_dataset)
        return {name: where for name, where in found.items() if where is not None}

    @cached_property
    def revisions(self) -> dict[str, str]:
        """Revisions by the data's name: commits on the Hub, hashes of local files."""
        different = {where.name: where for where in self.data.values()}
        return {name: data.revision_of(different[name]) for name in sorted(different)}

    def measure(self, number: int, asked: ModelToMeasure) -> Measurement:
        identity = model.identity(Path(asked.path))
        loaded: LoadedModel | None = None
        finished: dict[What, Finished] = {}
        prepared = False
        for index, what in enumerate(self.whats):
            place = self._place(identity, what)
            before = number * len(self.whats) + index
            done = self._progress(f"{asked.name}: {what.name}", before)
            kept = self._kept(what, place)
            if kept is None and not _is_the_same(what, finished) and not self._too_large(what, asked):
                done(0, 1)
                loaded = loaded or self._loaded(asked, identity)
                if what.kind == "task" and not prepared:
                    self._prepare(loaded, identity, self.whats[index:], before)
                    prepared = True
                kept = self._measure(loaded, what, place, done, asked)
            done(1, 1)
            if kept is not None:
                finished[what] = kept
        return self._measurement(asked, finished)

    def _prepare(self, loaded: LoadedModel, identity: str, whats: Sequence[What], before: int) -> None:
        """The questions of all tasks that are still to be measured go through the model together."""
        left = [what for what in whats if self._kept(what, self._place(identity, what)) is None]
        tasks = [(self._task(what.task), what.chat_template) for what in left if what.kind == "task"]
        loaded.prepare(tasks, self._progress(f"{loaded.name}: {len(tasks)} tasks", before, len(left)))

    def _loaded(self, asked: ModelToMeasure, identity: str) -> LoadedModel:
        folder = Path(asked.path)
        return LoadedModel(
            asked.name,
            folder,
            self.settings,
            kept_in=self.store / identity[: results.IDENTITY_LENGTH],
            mode=f"{self.versions['mlx']} {self.versions['mlx-lm']} {'cpu' if device.on_cpu() else 'gpu'}",
            tokenized=self._tokenized.setdefault(_tokenizer_key(folder), {}),
        )

    @cached_property
    def base(self) -> ModelToMeasure | None:
        return next((asked for asked in self.models if asked.recipe is None), None)

    @cached_property
    def base_identity(self) -> str:
        return model.identity(Path(self.base.path)) if self.base is not None else ""

    def planned(self, asked: ModelToMeasure) -> PlannedModel:
        identity = model.identity(Path(asked.path))
        wanted = [what for what in self.whats if not self._too_large(what, asked)]
        kept = [what for what in wanted if self._kept(what, self._place(identity, what)) is not None]
        return PlannedModel(
            name=asked.name,
            kept=tuple(what.name for what in kept),
            to_measure=tuple(what.name for what in wanted if what not in kept),
            speed_withheld=self._withheld(asked),
        )

    def _kept(self, what: What, place: results.Place) -> Finished | None:
        """What was measured before. A speed that was withheld is tried again when the machine is quiet."""
        kept = results.load(self.store, place)
        return None if kept and kept.speed_withheld and not speed.busy_now() else kept

    def _too_large(self, what: What, asked: ModelToMeasure) -> str | None:
        """Why a model this large has no speed here."""
        if what.kind != "speed":
            return None
        return speed.too_large(asked.size_bytes, device.usable_memory(), device.usable_memory_is())

    def _withheld(self, asked: ModelToMeasure) -> str | None:
        return self._too_large(SPEED, asked) if SPEED in self.whats else None

    def _measure(
        self, loaded: LoadedModel, what: What, place: results.Place, done: Done, asked: ModelToMeasure
    ) -> Finished:
        if what.kind == "speed":
            finished = loaded.speed()
        elif what.kind == "perplexity":
            sha = self.revisions.get(self.data[""].name)
            text = self._text(Path(asked.path), loaded.scorer.tokenizer)
            finished = loaded.perplexity(text, sha, self._compared_with(asked), done)
        else:
            finished, outcomes = loaded.task(
                self._task(what.task), done, place.outcomes, chat_template=what.chat_template
            )
            if outcomes:
                results.save_outcomes(self.store, place, outcomes)
        results.save(self.store, place, finished)
        return finished

    def _task(self, name: str) -> LoadedTask:
        """Its documents are loaded once, and only when a model has yet to answer them."""
        if name not in self._tasks:
            self._tasks[name] = self.book.load(name)
        return self._tasks[name]

    def _text(self, folder: Path, tokenizer: Any) -> Text | None:
        """The perplexity text in tokens, made once for all siblings with the same tokenizer."""
        key = _tokenizer_key(folder)
        if key not in self._texts:
            self._texts[key] = perplexity.text(tokenizer, self.settings)
        return self._texts[key]

    def _compared_with(self, asked: ModelToMeasure) -> LoadedModel | None:
        """A quant's base, opened for this alone: nothing of it is in memory when the next speed is taken.

        None where the tokenizers differ: distributions over other tokens are not comparable.
        """
        if self.base is None or asked.recipe is None:
            return None
        if _tokenizer_key(Path(asked.path)) != _tokenizer_key(Path(self.base.path)):
            return None
        return self._loaded(self.base, self.base_identity)

    def _place(self, identity: str, what: What) -> results.Place:
        where = self.data.get(what.task) if what.kind != "speed" else None
        depends_on: dict[str, Any] = {
            "what": what.kind,
            "settings": {name: getattr(self.settings, name) for name in DEPENDS_ON[what.kind]},
            "versions": self.versions,
            "device": self.device if what.kind == "speed" else ("cpu" if device.on_cpu() else "gpu"),
            "data": [where.name, self.revisions[where.name]] if where else None,
        }
        if what.kind == "perplexity":
            depends_on["base"] = self.base_identity
        if what.kind == "task":
            depends_on["task"] = [what.task, self.book.hash(what.task)]
            depends_on["chat_template"] = what.chat_template
        return results.place(identity, what.file, depends_on)

    def _progress(self, what: str, before: int, parts: int = 1) -> Done:
        """Of `parts` measurements together, after `before` others; what is told never goes back."""
        total = len(self.models) * len(self.whats)

        def done(part: int, of: int) -> None:
            self._furthest = max(self._furthest, before + parts * part / of)
            self.report(
                Progress(stage="measure", what=what, done=self._furthest, total=total, unit="measurements")
            )

        return done

    def _measurement(self, asked: ModelToMeasure, finished: dict[What, Finished]) -> Measurement:
        made = tuple(finished.values())
        timed = finished.get(SPEED)
        return Measurement(
            name=asked.name,
            recipe=asked.recipe,
            tasks=_scores(finished, again=False),
            tasks_without_template=_scores(finished, again=True),
            perplexity=next((kept.perplexity for kept in made if kept.perplexity is not None), None),
            divergence=next((kept.divergence for kept in made if kept.divergence is not None), None),
            computation=next((kept.computation for kept in made if kept.computation is not None), None),
            speed=timed.speed if timed else None,
            speed_withheld=timed.speed_withheld if timed else self._withheld(asked),
            peak_memory_bytes=timed.peak_memory_bytes if timed else 0,
            size_bytes=asked.size_bytes,
            bits_per_weight=asked.bits_per_weight,
            settings=self.settings,
            device=self.device,
            compute_dtype=made[-1].compute_dtype if made else "",
            chat_template_sha256=made[-1].chat_template_sha256 if made else None,
            versions=self.versions,
            dataset_revisions=self.revisions,
            measured_at=max((kept.measured_at for kept in made), default=""),
            seconds=sum(kept.seconds for kept in made),
        )


def _tokenizer_key(folder: Path) -> str:
    """The same for folders whose tokenizer and chat template are the same."""
    files = [path.read_bytes() for name in TOKENIZER_FILES if (path := folder / name).is_file()]
    return hashlib.sha256(b"\0".join(files)).hexdigest()


def _is_the_same(what: What, finished: dict[What, Finished]) -> bool:
    """Whether a task is to be asked without a chat template of a model that has none."""
    if not what.again:
        return False
    first = finished[replace(what, chat_template=True, again=False)].score
    return first is not None and first.chat_template is False


def _scores(finished: dict[What, Finished], *, again: bool) -> tuple[TaskScore, ...]:
    return tuple(
        kept.score for what, kept in finished.items() if kept.score is not None and what.again == again
    )
