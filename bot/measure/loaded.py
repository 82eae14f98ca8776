"""One model in memory, and what can be measured of it."""

from __future__ import annotations

import gc
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec

from bot.measure import likelihood, model, perplexity, speed, tasks
from bot.measure.definitions import LoadedTask
from bot.measure.results import Finished, Outcome
from bot.records import MeasureSettings


class LoadedModel:
    """Speed belongs to the weights as they are published, so it is measured before any likelihood."""

    def __init__(self, name: str, folder: Path, settings: MeasureSettings) -> None:
        gc.collect()  # the model before this one
        mx.clear_cache()
        self.name = name
        self.settings = settings
        self.model, self.tokenizer, self.config = model.load(folder)
        self.dtype = model.compute_dtype(self.model)
        self._prepared = False

    def speed(self) -> Finished:
        """Tokens per second, and the peak memory of those runs, weights included (bytes).

        Where others used the machine meanwhile there is no speed, but a sentence.
        """
        assert not self._prepared
        start = time.monotonic()
        mx.reset_peak_memory()
        measured, disturbed = speed.measure(self.model, self.tokenizer, self.config, self.settings)
        return self._finished(
            start,
            speed=None if disturbed else measured,
            speed_withheld=disturbed,
            peak_memory_bytes=int(mx.get_peak_memory()),
        )

    def perplexity(self, text: mx.array | None, dataset_sha: str | None) -> Finished:
        """Perplexity on `text` (samples x tokens); none where the tokenizer could not make the text."""
        start = time.monotonic()
        if text is None:
            return self._finished(start)
        self._prepare()
        measured = perplexity.measure(self.model, text, self.settings, dataset_sha, self.name)
        return self._finished(start, perplexity=measured)

    def task(
        self, task: LoadedTask, done: likelihood.Done, kept_in: str, *, chat_template: bool
    ) -> tuple[Finished, list[Outcome]]:
        """The score on one lm-eval task, and the outcome of each question, which `kept_in` will name.

        The chat template is applied where there is one, if `chat_template` says so.
        """
        start = time.monotonic()
        self._prepare()
        lm = likelihood.make_lm(self.model, self.tokenizer, chat_template=chat_template, done=done)
        score, outcomes = tasks.measure(lm, task, self.settings, self.name)
        kept = msgspec.structs.replace(score, outcomes=kept_in if outcomes else None)
        return self._finished(start, score=kept), outcomes

    def _prepare(self) -> None:
        if not self._prepared:
            model.prepare_for_likelihood(self.model)
            self._prepared = True

    def _finished(self, start: float, **measured: Any) -> Finished:
        template = self.tokenizer.chat_template
        return Finished(
            compute_dtype=self.dtype,
            chat_template_sha256=hashlib.sha256(str(template).encode()).hexdigest() if template else None,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=time.monotonic() - start,
            **measured,
        )
