"""The lm-eval LM that measures a model: all requests are collected and answered by the engine.

It reads texts as mlx_lm.evaluate does (the same boundary between context and continuation, the same
truncation), so it answers the same questions. As `qx` it is registered with lm-eval for everybody:
`python -m bot.measure.harness --model qx --model_args path=DIR --tasks …`.

`make_lm` is the only place where the rest of the program gets an LM from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import mlx.nn as nn
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from mlx_lm.evaluate import DEFAULT_MAX_TOKENS, MLXLM

from bot.measure import model as models
from bot.measure.ask import Done, answers
from bot.measure.engine.lines import Line
from bot.measure.engine.scorer import Scorer, Whole, open_folder
from bot.measure.kept import Kept

Tokenized = dict[tuple[bool, str], tuple[int, ...]]
"""Texts in tokens, by whether special tokens were added. Siblings with one tokenizer share it."""

TRUNCATED = (-float("inf"), False)
"""The answer where nothing is left of a context, as in mlx_lm.evaluate."""


def make_lm(
    scorer: Scorer,
    folder: Path,
    *,
    chat_template: bool,
    kept: Kept | None = None,
    tokenized: Tokenized | None = None,
    done: Done = lambda *_: None,
) -> EngineLM:
    """The LM for an opened folder. The chat template is used where the tokenizer has one."""
    lm = EngineLM.__new__(EngineLM)
    lm.set_up(scorer, folder, chat_template, kept, tokenized, done)
    return lm


@register_model("qx")
class EngineLM(MLXLM):  # type: ignore[misc]  # mlx_lm has no types
    """loglikelihood and its rolling form by the engine; generate_until by mlx_lm's batch generation."""

    def __init__(
        self,
        path: str,
        exact_dtype: bool = False,
        use_chat_template: bool | None = None,
        batch_size: int = 8,
        **_: Any,
    ) -> None:
        """As lm-eval makes it: `path` is a model's folder. Raises UnsuitableBase, VerificationFailed.

        Unless `use_chat_template` says it, texts are taken as templated once lm-eval templates one.
        """
        folder = Path(path).expanduser()
        scorer = open_folder(folder, exact=exact_dtype)
        self.set_up(scorer, folder, bool(use_chat_template), None, None, lambda *_: None)
        self._batch_size = int(batch_size)

    def set_up(
        self,
        scorer: Scorer,
        folder: Path,
        chat_template: bool,
        kept: Kept | None,
        tokenized: Tokenized | None,
        done: Done,
    ) -> None:
        LM.__init__(self)  # MLXLM's would load the model a second time
        self.tokenizer = scorer.tokenizer
        self.use_chat_template = chat_template and scorer.tokenizer.chat_template is not None
        self._scorer, self._folder, self._done = scorer, folder, done
        self._kept = kept if kept is not None else Kept(None, "")
        self._tokenized = tokenized if tokenized is not None else {}
        self._max_tokens = None
        self._batch_size = 8
        self._sampler = None

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """The conversation as one text, which begins as the template says: no special tokens are added."""
        self.use_chat_template = True
        return str(super().apply_chat_template(chat_history, add_generation_prompt))

    @cached_property
    def _model(self) -> nn.Module:
        """The whole model, for generating."""
        return self._scorer.model if isinstance(self._scorer, Whole) else models.load(self._folder)[0]

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(log-likelihood in nats, whether greedy decoding would give it) for each (context, continuation).

        A context that is truncated away gives -inf, as in mlx_lm.evaluate.
        """
        pairs = [request.args for request in requests]
        lines = self.lines(pairs)
        found = iter(self._answers([line for line in lines if line is not None]))
        return [TRUNCATED if line is None else next(found) for line in lines]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-likelihood in nats of each whole text after its first token, as mlx_lm's LM takes it."""
        texts = self._tokens([request.args[0] for request in requests])
        found = iter(self._answers([Line(tokens, 1) for tokens in texts if len(tokens) > 1]))
        return [next(found)[0] if len(tokens) > 1 else 0.0 for tokens in texts]

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """What the model says after each context, greedily, up to a stop text."""
        if not requests:
            return []
        return list(super().generate_until(requests))

    def prepare(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Answer all of these together; asked for some of them later, it has the answers kept."""
        self._answers([line for line in self.lines(pairs) if line is not None])

    def lines(self, pairs: Sequence[tuple[str, str]]) -> list[Line | None]:
        """The pairs in tokens, whole texts tokenized, so that the boundary is that of mlx_lm.evaluate.

        Contexts are cut from the left where the longest of a context's texts exceeds mlx_lm's limit; None
        where nothing is left of one.
        """
        self._tokens([text for context, continuation in pairs for text in (context, context + continuation)])
        groups: dict[str, list[int]] = {}
        for place, (context, _) in enumerate(pairs):
            groups.setdefault(context, []).append(place)
        lines: list[Line | None] = [None] * len(pairs)
        for context, places in groups.items():
            texts = self._tokens([context + pairs[place][1] for place in places])
            for place, line in zip(places, lines_of(self._tokens([context])[0], texts), strict=True):
                lines[place] = line
        return lines

    def _answers(self, lines: list[Line]) -> list[tuple[float, bool]]:
        return answers(self._scorer, lines, self._kept, self._done)

    def _tokens(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Each text in tokens; those not seen before are tokenized together."""
        special = not self.use_chat_template
        new = list(dict.fromkeys(text for text in texts if (special, text) not in self._tokenized))
        if new:
            encoded = self.tokenizer._tokenizer(new, add_special_tokens=special)["input_ids"]
            self._tokenized.update(
                {(special, text): tuple(ids) for text, ids in zip(new, encoded, strict=True)}
            )
        return [self._tokenized[special, text] for text in texts]


def lines_of(context: tuple[int, ...], texts: Sequence[tuple[int, ...]]) -> list[Line | None]:
    """The lines of one context's texts (context and continuation together, in tokens).

    Truncated from the left as mlx_lm.evaluate does; at least the last token of each text is scored.
    """
    start = min(len(context), *(len(text) - 1 for text in texts))
    excess = max(0, max(len(text) for text in texts) - DEFAULT_MAX_TOKENS - 1)
    begin = context[:start][excess:]
    return [Line(begin + text[start:], len(begin)) if begin else None for text in texts]
