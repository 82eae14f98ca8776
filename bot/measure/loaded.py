"""One model folder, and what can be measured of it. It is opened when the first thing is asked."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec

from bot.measure import likelihood, model, perplexity, speed, tasks
from bot.measure.ask import Done
from bot.measure.definitions import LoadedTask
from bot.measure.engine.scorer import Scorer, open_folder
from bot.measure.kept import Kept
from bot.measure.likelihood import EngineLM, Tokenized
from bot.measure.perplexity import Text
from bot.measure.results import Finished, Outcome
from bot.records import MeasureSettings


class LoadedModel:
    """`kept_in` is the folder of what was answered before, `mode` what answers depend on beside the model.

    Speed belongs to the weights as they are published and needs all of them at once; likelihoods are the
    engine's, which brings in a layer at a time.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: MeasureSettings,
        *,
        kept_in: Path,
        mode: str,
        tokenized: Tokenized,
    ) -> None:
        gc.collect()  # the model before this one
        mx.clear_cache()
        self.name, self.settings = name, settings
        self._folder, self.kept_in, self._mode, self._tokenized = folder, kept_in, mode, tokenized

    @cached_property
    def scorer(self) -> Scorer:
        """The engine on this folder. Raises UnsuitableBase, VerificationFailed."""
        return open_folder(self._folder, exact=self.settings.exact_dtype, checkpoints=self.kept_in)

    @cached_property
    def kept(self) -> Kept:
        return Kept(self.kept_in / "answers.sqlite", f"{self.how} {self._mode}")

    @property
    def how(self) -> str:
        """What an answer depends on of how it is computed."""
        computed = self.scorer.computation
        return f"{computed.path} {computed.weights} {computed.dtype}"

    def speed(self) -> Finished:
        """Tokens per second, and the peak memory of those runs, weights included (bytes).

        Where others used the machine meanwhile there is no speed, but a sentence.
        """
        start = time.monotonic()
        whole, tokenizer, config = model.load(self._folder)
        mx.reset_peak_memory()
        measured, disturbed = speed.measure(whole, tokenizer, config, self.settings)
        return self._finished(
            start,
            tokenizer,
            model.compute_dtype(whole),
            speed=None if disturbed else measured,
            speed_withheld=disturbed,
            peak_memory_bytes=int(mx.get_peak_memory()),
        )

    def perplexity(
        self, text: Text | None, dataset_sha: str | None, base: LoadedModel | None, done: Done
    ) -> Finished:
        """Perplexity on `text`, and the divergence from `base`; none where the tokenizer made no text."""
        start = time.monotonic()
        if text is None:
            return self._by_engine(start)
        measured = perplexity.measure(
            self.scorer,
            base.scorer if base is not None else None,
            text,
            self.settings,
            name=self.name,
            base_name=base.name if base is not None else "",
            base_key=f"{base.kept_in.name} {base.how}" if base is not None else "",
            dataset_sha=dataset_sha,
            kept=self.kept,
            done=done,
        )
        return self._by_engine(start, perplexity=measured.perplexity, divergence=measured.divergence)

    def prepare(self, asked: Sequence[tuple[LoadedTask, bool]], done: Done) -> None:
        """Answer the questions of several tasks together (each with the chat template or without).

        So each layer is brought in once for all of them; `task` then finds its answers kept.
        """
        lms = {template: self._lm(chat_template=template, done=done) for template in (True, False)}
        pairs: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        for task, template in asked:
            lm = lms[template]
            pairs[lm.use_chat_template] += tasks.questions(lm, task, self.settings)
        for template, questions in pairs.items():
            if questions:
                lms[template].prepare(questions)

    def task(
        self, task: LoadedTask, done: Done, kept_in: str, *, chat_template: bool
    ) -> tuple[Finished, list[Outcome]]:
        """The score on one lm-eval task, and the outcome of each question, which `kept_in` will name.

        The chat template is applied where there is one, if `chat_template` says so.
        """
        start = time.monotonic()
        lm = self._lm(chat_template=chat_template, done=done)
        score, outcomes = tasks.measure(lm, task, self.settings, self.name)
        kept = msgspec.structs.replace(score, outcomes=kept_in if outcomes else None)
        return self._by_engine(start, score=kept), outcomes

    def _lm(self, *, chat_template: bool, done: Done) -> EngineLM:
        return likelihood.make_lm(
            self.scorer,
            self._folder,
            chat_template=chat_template,
            kept=self.kept,
            tokenized=self._tokenized,
            done=done,
        )

    def _by_engine(self, start: float, **measured: Any) -> Finished:
        computation = self.scorer.computation
        return self._finished(
            start, self.scorer.tokenizer, computation.dtype, computation=computation, **measured
        )

    def _finished(self, start: float, tokenizer: Any, dtype: str, **measured: Any) -> Finished:
        template = tokenizer.chat_template
        return Finished(
            compute_dtype=dtype,
            chat_template_sha256=hashlib.sha256(str(template).encode()).hexdigest() if template else None,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=time.monotonic() - start,
            **measured,
        )
