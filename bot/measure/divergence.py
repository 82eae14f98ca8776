"""How far one next-token distribution is from another, row by row (imports MLX)."""

from __future__ import annotations

import mlx.core as mx

SMALL = 0.1
"""Differences of log-probabilities up to which a series is more exact than exp."""


def kl(base: mx.array, logits: mx.array) -> mx.array:
    """KL(base || model) of each row in nats, shape (rows,), not evaluated.

    `base` are log-probabilities, `logits` the model's, both float32, rows x vocabulary. It is the sum of
    p d + q - p with d = log p - log q, which is the KL as p and q sum to 1; no term is negative. Where d is
    small it is p (d^2/2 - d^3/6 + ...), so that no small number is the difference of large ones; the next
    term, d^7/5040, is beyond float32 there.
    """
    below = logits - logits.max(axis=-1, keepdims=True)
    weights = mx.exp(below)
    total = weights.sum(axis=-1, keepdims=True)
    p, q, d = mx.exp(base), weights / total, base - (below - mx.log(total))
    series = d * d * (1 / 2 - d * (1 / 6 - d * (1 / 24 - d * (1 / 120 - d / 720))))
    terms = mx.where(mx.abs(d) < SMALL, p * series, p * d + (q - p))
    return mx.where(p > 0, terms, q).sum(axis=-1)
