"""The stage: a base and its quants, measured one after the other by one process.

Each measurement (a task, the perplexity, the speed) is kept as soon as it is finished, so a
killed process loses the one that was running, and a model that was measured before is not even
loaded.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
from msgspec.structs import replace

from bot.child import Progress, Report
from bot.errors import ConfigError, VerificationFailed
from bot.measure import chat, data, device, model, perplexity, results, tasks
from bot.measure.likelihood import Done
from bot.measure.loaded import LoadedModel
from bot.measure.request import PROMPTS, Measurements, MeasureRequest, ModelToMeasure, NotMeasured
from bot.measure.results import Finished
from bot.records import Measurement

PACKAGES = ("mlx", "mlx-lm", "lm-eval", "datasets", "transformers")
SPEED, PERPLEXITY = "speed", "perplexity"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "chat_template.jinja")

FILL = 0.9
"""A model larger than this share of the usable memory is not measured whole."""

DEPENDS_ON = {
    SPEED: ("prompt_tokens", "generation_tokens", "speed_trials"),
    PERPLEXITY: ("seed", "perplexity_dataset", "perplexity_samples", "perplexity_sequence_length"),
    "task": ("seed", "limit", "chat_template"),
}
"""The settings that a measurement depends on; a change of another one does not repeat it."""


def measure(request: MeasureRequest, report: Report) -> Measurements:
    """Measure every model of the request, or read what was measured before.

    The base answers the chat prompts too, for its quants to be held against; a base that does not fit
    this machine's memory is left out. A quant whose numbers are not finite, or that does not load, is
    told in `failed` and the others go on. Raises VerificationFailed when that is the base (no recipe);
    ConfigError, NotFound and HubUnavailable when tasks or data are missing.
    """
    family = _Family(request, report)
    items: list[Measurement] = []
    failed: list[NotMeasured] = []
    for number, asked in enumerate(request.models):
        if asked.recipe is None and asked.size_bytes > FILL * device.usable_memory():
            continue
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


def _with_answers(measured: Measurement, asked: ModelToMeasure, report: Report) -> Measurement:
    """The base with its chat answers. Quants answer later, in a fresh process, as downloaded from the Hub."""
    if asked.recipe is not None:
        return measured
    return replace(measured, answers=chat.answers(Path(asked.path), PROMPTS, report))


class _Family:
    """What the models of one request share: task documents, perplexity text, dataset revisions."""

    def __init__(self, request: MeasureRequest, report: Report) -> None:
        self.settings = request.settings
        self.store = Path(request.store)
        self.models = request.models
        self.report = report
        self.device = device.description()
        self.versions = {package: version(package) for package in PACKAGES}
        self.whats = (
            *((SPEED,) if self.settings.speed_trials else ()),
            *((PERPLEXITY,) if self.settings.perplexity_samples else ()),
            *self.settings.tasks,
        )
        self.datasets = {task: tasks.dataset_of(task) for task in self.settings.tasks}
        if PERPLEXITY in self.whats:
            self.datasets[PERPLEXITY] = self.settings.perplexity_dataset
        if not self.whats:
            raise ConfigError("nothing is asked for: name tasks, perplexity samples or speed trials")
        self._texts: dict[str, mx.array | None] = {}

    @cached_property
    def tasks(self) -> dict[str, Any]:
        return tasks.load(self.settings.tasks, self.settings.seed)

    @cached_property
    def revisions(self) -> dict[str, str]:
        """Revisions by dataset id, of those that stand on a Hub."""
        known = {dataset: data.revision(dataset) for dataset in sorted(set(self.datasets.values()))}
        return {dataset: sha for dataset, sha in known.items() if sha is not None}

    def measure(self, number: int, asked: ModelToMeasure) -> Measurement:
        identity = model.identity(Path(asked.path))
        loaded: LoadedModel | None = None
        finished = []
        for index, what in enumerate(self.whats):
            place = self._place(identity, what)
            done = self._progress(f"{asked.name}: {what}", number * len(self.whats) + index)
            kept = results.load(self.store, place)
            if kept is None:
                done(0, 1)
                loaded = loaded or LoadedModel(asked.name, Path(asked.path), self.settings)
                kept = self._measure(loaded, what, place, done, Path(asked.path))
            done(1, 1)
            finished.append(kept)
        return self._measurement(asked, finished)

    def _measure(
        self, loaded: LoadedModel, what: str, place: results.Place, done: Done, folder: Path
    ) -> Finished:
        if what == SPEED:
            finished = loaded.speed()
        elif what == PERPLEXITY:
            sha = self.revisions.get(self.settings.perplexity_dataset)
            finished = loaded.perplexity(self._text(folder, loaded.tokenizer), sha)
        else:
            finished, outcomes = loaded.task(self.tasks[what], done, place.outcomes)
            results.save_outcomes(self.store, place, outcomes)
        results.save(self.store, place, finished)
        return finished

    def _text(self, folder: Path, tokenizer: Any) -> mx.array | None:
        """The perplexity text in tokens, made once for all siblings with the same tokenizer."""
        files = [path.read_bytes() for name in TOKENIZER_FILES if (path := folder / name).is_file()]
        key = hashlib.sha256(b"\0".join(files)).hexdigest()
        if key not in self._texts:
            self._texts[key] = perplexity.tokens(tokenizer, self.settings)
        return self._texts[key]

    def _place(self, identity: str, what: str) -> results.Place:
        names = DEPENDS_ON.get(what, DEPENDS_ON["task"])
        dataset = self.datasets.get(what)
        return results.place(
            identity,
            what,
            {
                "what": what,
                "settings": {name: getattr(self.settings, name) for name in names},
                "versions": self.versions,
                "device": self.device if what == SPEED else ("cpu" if device.on_cpu() else "gpu"),
                "data": [dataset, self.revisions.get(dataset or "")],
            },
        )

    def _progress(self, what: str, before: int) -> Done:
        total = len(self.models) * len(self.whats)

        def done(part: int, of: int) -> None:
            self.report(
                Progress(
                    stage="measure", what=what, done=before + part / of, total=total, unit="measurements"
                )
            )

        return done

    def _measurement(self, asked: ModelToMeasure, finished: list[Finished]) -> Measurement:
        return Measurement(
            name=asked.name,
            recipe=asked.recipe,
            tasks=tuple(kept.score for kept in finished if kept.score is not None),
            perplexity=next((kept.perplexity for kept in finished if kept.perplexity is not None), None),
            speed=next((kept.speed for kept in finished if kept.speed is not None), None),
            peak_memory_bytes=max(kept.peak_memory_bytes for kept in finished),
            size_bytes=asked.size_bytes,
            bits_per_weight=asked.bits_per_weight,
            settings=self.settings,
            device=self.device,
            compute_dtype=finished[0].compute_dtype,
            chat_template_sha256=finished[0].chat_template_sha256,
            versions=self.versions,
            dataset_revisions=self.revisions,
            measured_at=max(kept.measured_at for kept in finished),
            seconds=sum(kept.seconds for kept in finished),
        )
