"""The lm-eval LM that measures a model: mlx_lm's own, with loglikelihood in batches.

mlx_lm.evaluate scores one choice at a time. Here questions whose contexts have the same length
share a batch: the contexts go through the model once, then each question's choices continue from
its part of the cache. Padding stands to the right of the choices, where causal models do not see
it, so every architecture that mlx-lm runs is scored with its own code.

`make_lm` is the only place where the rest of the program gets an LM from.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import msgspec
import numpy as np
from lm_eval.api.model import LM
from mlx.utils import tree_map
from mlx_lm.evaluate import DEFAULT_MAX_TOKENS, MLXLM
from mlx_lm.models.cache import make_prompt_cache

PREFILL_STEP = 2048
"""Tokens of a context that go through the model at once, as in mlx_lm.evaluate."""

LOGITS_BYTES = 2**29
"""What the float32 logits of one batch may take; they outweigh the activations."""

MAX_QUESTIONS = 32

Done = Callable[[int, int], None]
"""Told after each batch: questions done, questions in all."""


def make_lm(model: nn.Module, tokenizer: Any, *, chat_template: bool, done: Done = lambda *_: None) -> LM:
    """The LM for a model that is in memory. The chat template is used where the tokenizer has one."""
    use_chat_template = chat_template and tokenizer.chat_template is not None
    return BatchedLM(model, tokenizer, use_chat_template, done)


class _Question(msgspec.Struct):
    """A context and its continuations in tokens. `requests` are their places in the answer."""

    context: tuple[int, ...]
    continuations: list[tuple[int, ...]]
    requests: list[int]


class BatchedLM(MLXLM):  # type: ignore[misc]  # mlx_lm has no types
    """mlx_lm's LM on a model that is already loaded; only `loglikelihood` is its own."""

    def __init__(self, model: nn.Module, tokenizer: Any, use_chat_template: bool, done: Done) -> None:
        LM.__init__(self)  # MLXLM's would load the model a second time
        self._model = model
        self.tokenizer = tokenizer
        self._max_tokens = None
        self._batch_size = 8
        self.use_chat_template = use_chat_template
        self._sampler = None
        self._done = done

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(log-likelihood in nats, whether greedy decoding would give it) for each (context, continuation).

        A context that is truncated away gives -inf, as in mlx_lm.evaluate.
        """
        answers = [(-float("inf"), False)] * len(requests)
        questions = self._questions([request.args for request in requests])
        finished = 0
        for batch in self._batches(questions):
            for question, scores in zip(batch, self._score(batch), strict=True):
                for place, score in zip(question.requests, scores, strict=True):
                    answers[place] = score
            finished += len(batch)
            self._done(finished, len(questions))
        return answers

    def _questions(self, pairs: Sequence[tuple[str, str]]) -> list[_Question]:
        """Group by context and tokenize whole texts, so that the boundary is that of mlx_lm.evaluate."""
        groups: dict[str, list[int]] = defaultdict(list)
        for place, (context, _) in enumerate(pairs):
            groups[context].append(place)
        contexts = self._tokenize(list(groups))
        texts = self._tokenize([context + continuation for context, continuation in pairs])
        return [
            _question(context, [texts[place] for place in places], places)
            for context, places in zip(contexts, groups.values(), strict=True)
        ]

    def _batches(self, questions: list[_Question]) -> Iterator[list[_Question]]:
        """Questions with contexts of one length, as many as the logits' memory allows."""
        tokens = max(1, LOGITS_BYTES // (4 * len(self.tokenizer)))
        ordered = sorted(questions, key=_shape)
        while ordered:
            length, choices, longest = _shape(ordered[0])
            if length == 0:
                ordered.pop(0)
                continue
            batch: list[_Question] = []
            while ordered and len(batch) < MAX_QUESTIONS and _shape(ordered[0])[0] == length:
                choices = max(choices, len(ordered[0].continuations))
                longest = max(longest, _shape(ordered[0])[2])
                if batch and (len(batch) + 1) * max(length, choices * longest) > tokens:
                    break
                batch.append(ordered.pop(0))
            yield batch

    def _score(self, batch: list[_Question]) -> Iterator[list[tuple[float, bool]]]:
        first, cache = self._read_contexts([question.context for question in batch])
        rows = [row for row, question in enumerate(batch) for _ in question.continuations]
        continuations = [c for question in batch for c in question.continuations]
        scores = iter(self._continue(first, cache, rows, continuations))
        for question in batch:
            yield [next(scores) for _ in question.continuations]

    def _read_contexts(self, contexts: list[tuple[int, ...]]) -> tuple[mx.array, list[Any]]:
        """Log-probabilities of the token after each context (contexts x vocabulary), and the cache."""
        inputs = mx.array(contexts)
        cache = make_prompt_cache(self._model)
        for start in range(0, inputs.shape[1], PREFILL_STEP):
            logits = self._model(inputs[:, start : start + PREFILL_STEP], cache=cache)[:, -1, :]
            mx.eval(logits, [layer.state for layer in cache])
        return nn.log_softmax(logits.astype(mx.float32)), cache

    def _continue(
        self, first: mx.array, cache: list[Any], rows: list[int], continuations: list[tuple[int, ...]]
    ) -> list[tuple[float, bool]]:
        """Score each continuation after the context in its row: sums of log-probabilities, greedy or not."""
        lengths = np.array([len(c) for c in continuations])
        padded = np.zeros((len(continuations), lengths.max()), np.int32)
        for row, continuation in enumerate(continuations):
            padded[row, : len(continuation)] = continuation
        logprobs = first[mx.array(rows)][:, None, :]
        if padded.shape[1] > 1:
            following = self._model(mx.array(padded[:, :-1]), cache=_taken(cache, rows))
            logprobs = mx.concatenate([logprobs, nn.log_softmax(following.astype(mx.float32))], axis=1)
        targets = mx.array(padded)
        counted = mx.array(np.arange(padded.shape[1]) < lengths[:, None])
        scores = mx.take_along_axis(logprobs, targets[..., None], axis=-1)[..., 0]
        greedy = (mx.argmax(logprobs, axis=-1) == targets) | ~counted
        sums, all_greedy = mx.where(counted, scores, 0.0).sum(axis=-1), greedy.all(axis=-1)
        mx.eval(sums, all_greedy)
        pairs = zip(np.array(sums), np.array(all_greedy), strict=True)
        return [(float(score), bool(greedy)) for score, greedy in pairs]


def _question(context: tuple[int, ...], texts: list[tuple[int, ...]], places: list[int]) -> _Question:
    """Truncate from the left as mlx_lm.evaluate does; score at least the last token of each text."""
    start = min(len(context), *(len(text) - 1 for text in texts))
    excess = max(0, max(len(text) for text in texts) - DEFAULT_MAX_TOKENS - 1)
    return _Question(context[:start][excess:], [text[start:] for text in texts], places)


def _shape(question: _Question) -> tuple[int, int, int]:
    """Tokens of the context, number of continuations, tokens of the longest one."""
    return (
        len(question.context),
        len(question.continuations),
        max(len(continuation) for continuation in question.continuations),
    )


def _taken(cache: list[Any], rows: list[int]) -> list[Any]:
    """A new cache whose row i is row rows[i] of the given one, whatever kind of cache it is."""
    index = mx.array(rows)
    taken = []
    for layer in cache:
        row = copy.copy(layer)
        row.state = tree_map(lambda x: x[index] if isinstance(x, mx.array) and x.ndim else x, layer.state)
        taken.append(row)
    return taken
