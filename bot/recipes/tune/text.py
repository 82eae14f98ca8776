"""The calibration text as token ids: one half to choose widths on, the other to judge the choice.

Runs in a child process only: it imports MLX and, for a dataset, `datasets`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from bot.errors import ConfigError, NotFound, UsageError
from bot.recipes import architecture
from bot.recipes.tune import Text, TuneRequest
from bot.records import MeasureSettings


class Halves(NamedTuple):
    """Token ids of shape (samples, length) to choose on, as many held out, and where they are from."""

    choosing: mx.array
    held_out: mx.array
    source: Text


def halves(request: TuneRequest) -> Halves:
    """The text that the request names, cut into sequences, of which its seed picks some.

    Raises NotFound, UsageError (no text, too little), UnsuitableBase (no tokenizer), ConfigError,
    HubUnavailable.
    """
    tokenizer = architecture.tokenizer(Path(request.folder), request.base)
    if request.text is not None:
        data, source = _of_file(Path(request.text), tokenizer, request)
    else:
        data, source = _of_dataset(tokenizer, request)
    return Halves(data[: request.samples], data[request.samples :], source)


def _of_file(path: Path, tokenizer: Any, request: TuneRequest) -> tuple[mx.array, Text]:
    if not path.is_file():
        raise NotFound(f"--text: there is no file {path}")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"--text: {path} is no UTF-8 text: byte {error.start} is none of it") from None
    if not text.strip():
        raise UsageError(f"--text: {path} is empty: give some pages of the text the quant is to be good at")
    tokens = tokenizer.encode(text)
    have, need = len(tokens) // request.length, 2 * request.samples
    if have < need:
        raise UsageError(
            f"--text: {path} has {len(tokens)} tokens, and {need} x {request.length} are needed, half of "
            "them to judge by: give more text, or fewer --samples"
        )
    chosen = np.random.RandomState(request.seed).permutation(have)[:need]  # the same on every machine
    data = np.array(tokens[: have * request.length]).reshape(have, request.length)[chosen]
    source = Text(
        source=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        samples=request.samples,
        length=request.length,
    )
    return mx.array(data), source


def _of_dataset(tokenizer: Any, request: TuneRequest) -> tuple[mx.array, Text]:
    """As `bot publish` takes its text for perplexity, with the same default seed."""
    from bot.measure import data, perplexity  # `datasets` takes seconds to import, and a file needs none

    settings = MeasureSettings(
        perplexity_samples=2 * request.samples, perplexity_sequence_length=request.length, seed=request.seed
    )
    dataset = settings.perplexity_dataset
    revision = data.revision(dataset)
    chosen = perplexity.text(tokenizer, settings)
    if chosen is None:
        raise ConfigError(
            f"{dataset} holds chats, and {request.base} has no chat template: give a text with --text FILE"
        )
    source = Text(source=dataset, revision=revision, samples=request.samples, length=request.length)
    return mx.array(chosen.tokens), source


def stand_in(request: TuneRequest) -> mx.array:
    """One sequence of the asked length, to time a pass with: shape (1, length)."""
    tokens = architecture.tokenizer(Path(request.folder), request.base).encode(
        "The quick brown fox. " * request.length
    )
    return mx.array(tokens[: request.length])[None]
