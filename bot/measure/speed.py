"""Tokens per second as mlx_lm.benchmark counts them: random prompt, no early stop, one warm-up.

`stream_generate` sets MLX's wired limit on Metal by itself (not run on Linux).
"""

from __future__ import annotations

import statistics
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm import stream_generate

from bot.records import MeasureSettings, Speed


def measure(model: nn.Module, tokenizer: Any, config: dict[str, Any], settings: MeasureSettings) -> Speed:
    """The median of `speed_trials` runs and the spread between the fastest and the slowest."""
    mx.random.seed(0)
    vocabulary = config.get("vocab_size") or config["text_config"]["vocab_size"]
    prompt = mx.random.randint(0, vocabulary, (settings.prompt_tokens,))
    end_tokens = tokenizer.eos_token_ids
    tokenizer.eos_token_ids = None
    try:
        runs = [
            _run(model, tokenizer, prompt, settings.generation_tokens)
            for _ in range(1 + settings.speed_trials)
        ][1:]
    finally:
        tokenizer.eos_token_ids = end_tokens
    prompt_tps, generation_tps = zip(*runs, strict=True)
    return Speed(
        prompt_tps=statistics.median(prompt_tps),
        generation_tps=statistics.median(generation_tps),
        prompt_tokens=settings.prompt_tokens,
        generation_tokens=settings.generation_tokens,
        trials=settings.speed_trials,
        prompt_spread=max(prompt_tps) - min(prompt_tps),
        generation_spread=max(generation_tps) - min(generation_tps),
    )


def _run(model: nn.Module, tokenizer: Any, prompt: mx.array, tokens: int) -> tuple[float, float]:
    *_, last = stream_generate(model, tokenizer, prompt, max_tokens=tokens)
    return last.prompt_tps, last.generation_tps
