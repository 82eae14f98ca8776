"""Perplexity and its standard error, computed by mlx_lm.perplexity itself."""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.perplexity import eval_ppl, load_data

from bot.errors import ConfigError, VerificationFailed
from bot.measure.data import loading
from bot.records import MeasureSettings, Perplexity


def tokens(tokenizer: Any, settings: MeasureSettings) -> mx.array | None:
    """The measured text, samples x sequence_length token ids: mlx_lm.perplexity's choice for this seed.

    None where the data is chats and the tokenizer has no chat template: mlx_lm.perplexity has no number
    for such a model.

    Raises ConfigError when the dataset holds less text than the settings ask for, NotFound and
    HubUnavailable when it does not come.
    """
    np.random.seed(settings.seed)
    mx.random.seed(settings.seed)
    wanted = (settings.perplexity_samples, settings.perplexity_sequence_length)
    with loading(f"the dataset {settings.perplexity_dataset}"):
        try:
            text: mx.array = load_data(tokenizer, settings.perplexity_dataset, *wanted)
            return text
        except IndexError as error:
            raise ConfigError(
                f"{settings.perplexity_dataset} holds fewer than {wanted[0]} x {wanted[1]} tokens: "
                "ask for fewer perplexity samples"
            ) from error
        except ValueError:
            if tokenizer.has_chat_template:
                raise
            return None


def measure(
    model: nn.Module, data: mx.array, settings: MeasureSettings, dataset_sha: str | None, name: str
) -> Perplexity:
    """Raises VerificationFailed when it is not a finite number."""
    try:
        value, stderr = eval_ppl(model, data)
    except OverflowError:
        value = stderr = math.inf
    if not (math.isfinite(value) and math.isfinite(stderr)):
        raise VerificationFailed(
            f"the perplexity of {name} is not a finite number: its weights are broken, quantize it again "
            "or take another recipe"
        )
    return Perplexity(
        value=value,
        stderr=stderr,
        samples=data.shape[0],
        sequence_length=data.shape[1],
        dataset=settings.perplexity_dataset,
        dataset_sha=dataset_sha,
    )
