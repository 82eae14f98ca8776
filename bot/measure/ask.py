"""Lines asked of a model: those that are new go through the engine pass by pass, each answered once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mlx.core as mx
import numpy as np

from bot.measure.engine.lines import Batch, Line, batches
from bot.measure.engine.passes import Advanced
from bot.measure.engine.scorer import Scorer, log_probabilities
from bot.measure.kept import Answer, Kept

Done = Callable[[int, int], None]
"""Told how far it is: tokens passed, tokens in all."""


def answers(scorer: Scorer, lines: Sequence[Line], kept: Kept, done: Done = lambda *_: None) -> list[Answer]:
    """Of each line the log-likelihood of what is scored in it, in nats, and whether all of it is greedy."""
    different = list(dict.fromkeys(lines))
    known = {line: kept.answer(line) for line in different}
    asked = [line for line in different if known[line] is None]
    made = batches(asked, scorer.limits)
    total, passed = sum(batch.computed for batch in made), 0
    for together in scorer.passes(made):
        size = sum(batch.computed for batch in together)
        features = scorer.features(together, part_of(done, passed, size, total))
        found: dict[int, Answer] = {}
        while features:  # from the last to the first, each let go when it is answered
            found |= _answers(scorer, together[len(features) - 1], features.pop(), asked)
        kept.keep([asked[number] for number in found], list(found.values()))
        known |= {asked[number]: answer for number, answer in found.items()}
        passed += size
        done(passed, total)
    return [answer for line in lines if (answer := known[line]) is not None]


def part_of(done: Done, passed: int, size: int, total: int) -> Advanced:
    """Tells `done` of a pass of `size` tokens that comes after `passed` of all `total`."""
    return lambda part: done(int(passed + part * size), total)


def _answers(scorer: Scorer, batch: Batch, features: mx.array, asked: Sequence[Line]) -> dict[int, Answer]:
    """By the line's number: its tokens' log-probabilities summed, and whether each is the likeliest."""
    values, greedy = log_probabilities(scorer, batch, features)
    numbers, places = np.unique(batch.pairs[:, 2], return_inverse=True)
    sums = np.bincount(places, weights=values)
    misses = np.bincount(places, weights=~greedy)
    return {
        int(number): (float(value), not missed)
        for number, value, missed in zip(numbers, sums, misses, strict=True)
    }
