"""Documents as training batches: mostly of one length each, now and then long packed rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

import numpy as np
import numpy.typing as npt

from bot.rehearsal import corpus
from bot.rehearsal.tokenizer import Ids, Renderer

Weights = npt.NDArray[np.float32]
Batch = tuple[Ids, Weights]

POOL = 4096
LONG_ROW = 512
LONG_EVERY = 16
"""One batch in sixteen is packed to 512 tokens: perplexity is measured on such rows."""


def batches(renderer: Renderer, seed: int, tokens: int) -> Iterator[Batch]:
    """(ids, weights) of shape (rows, length) each, of about `tokens` tokens, without end."""
    documents = corpus.documents(seed)
    rng = Random(seed)  # noqa: S311  repeatable, nothing secret
    while True:
        pool = renderer.encode(itertools.islice(documents, POOL))
        short = _by_length(pool, tokens)
        mixed = short + _packed(pool, tokens)[: len(short) // LONG_EVERY]
        rng.shuffle(mixed)
        yield from mixed


def _by_length(pool: list[Batch], tokens: int) -> list[Batch]:
    """The pool's documents, those of like length together, padded with weight zero."""
    pool = sorted(pool, key=lambda document: len(document[0]))
    made, group = [], list[Batch]()
    for document in pool:
        if group and (len(group) + 1) * len(document[0]) > tokens:
            made.append(_padded(group))
            group = []
        group.append(document)
    return [*made, _padded(group)]


def _padded(group: list[Batch]) -> Batch:
    length = max(len(ids) for ids, _ in group)
    ids = np.zeros((len(group), length), np.int32)
    weights = np.zeros((len(group), length), np.float32)
    for row, (document, weight) in enumerate(group):
        ids[row, : len(document)] = document
        weights[row, : len(weight)] = weight
    return ids, weights


def _packed(pool: list[Batch], tokens: int) -> list[Batch]:
    """The pool's documents one after another, cut into rows of LONG_ROW."""
    rows = max(1, tokens // LONG_ROW)
    size = rows * LONG_ROW
    ids = np.concatenate([document for document, _ in pool])
    weights = np.concatenate([weight for _, weight in pool])
    return [
        (ids[start : start + size].reshape(rows, -1), weights[start : start + size].reshape(rows, -1))
        for start in range(0, len(ids) - size, size)
    ]
