"""One pass: many batches go through all layers together, and each layer is brought in once.

    begin      a forward pass for every node of every batch, each standing at its first layer
    each layer is brought in; every batch passes it, node after node; it is let go
    end        the hidden states at the scored positions (features), after the last layer

Between two layers only hidden states are held. They are also all that a killed pass needs to go on from
(`checkpoint`): everything else is made again from the tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from bot.measure.engine import caches
from bot.measure.engine.checkpoint import Checkpoint
from bot.measure.engine.gates import DoesNotFit, Forward, Skeleton
from bot.measure.engine.lines import Batch, Node

Layers = Callable[[int], Iterator[nn.Module]]
"""The layers from this number on, each ready when it is asked for."""

Advanced = Callable[[float], None]
"""Told how much of the pass is done, 0 to 1."""


def features(
    skeleton: Skeleton,
    layers: Layers,
    batches: Sequence[Batch],
    checkpoint: Checkpoint | None = None,
    advanced: Advanced = lambda _: None,
) -> list[mx.array]:
    """Of each batch, what the last layer gives at its scored positions: features x width.

    Raises DoesNotFit where a layer gives something else than hidden states.
    """
    runs = [_Run(skeleton, batch) for batch in batches]
    done = checkpoint.load() if checkpoint is not None else None
    first = 0
    if done is not None:
        first = done.layers
        for run, outputs in zip(runs, done.of_batches, strict=True):
            run.skip(first, outputs)
    last = len(skeleton.layers) - 1
    coming = layers(first)
    total = len(skeleton.layers) * sum(batch.computed for batch in batches)
    passed = first * sum(batch.computed for batch in batches)
    for number in range(first, last + 1):
        layer = next(coming)
        for run in runs:
            run.step(number, layer, last=number == last)
            passed += run.batch.computed
            advanced(passed / total)
        del layer
        if checkpoint is not None and number < last and checkpoint.is_due(time.monotonic()):
            checkpoint.save(number + 1, [run.outputs for run in runs])
    return [mx.concatenate(run.features) for run in runs]


class _Run:
    """One batch on its way: its nodes' forward passes, all standing at the same layer."""

    def __init__(self, skeleton: Skeleton, batch: Batch) -> None:
        self.batch = batch
        self.features: list[mx.array] = []
        self._last_use = skeleton.last_use or []
        chained = len(batch.nodes) > 1
        self._caches: list[list[Any]] = []
        self._forwards: list[Forward] = []
        lengths: list[int] = []
        for node in batch.nodes:
            cache = caches.looking_filled(skeleton.caches(), lengths) if chained else []
            lengths.append(node.tokens.shape[1])
            self._caches.append(cache)
            self._forwards.append(skeleton.begin(mx.array(node.tokens), cache or None))
        self._filled: list[set[int]] = [set() for _ in batch.nodes]

    @property
    def outputs(self) -> list[mx.array]:
        """What the last layer passed gave, of each node."""
        return [forward.call.hidden for forward in self._forwards if forward.call is not None]

    def skip(self, layers: int, outputs: Sequence[mx.array]) -> None:
        """Go on as if these were what layer number `layers` - 1 gave."""
        for forward, output in zip(self._forwards, outputs, strict=True):
            for number in range(layers):
                assert forward.call is not None
                forward.answer(output if number == layers - 1 else forward.call.hidden)

    def step(self, number: int, layer: nn.Module, *, last: bool) -> None:
        """Let every node pass the layer, each continuing the one before it."""
        for index, node in enumerate(self.batch.nodes):
            forward = self._forwards[index]
            call = forward.call
            assert call is not None
            assert call.layer == number, "the trial saw each layer called once, in order"
            self._continue(index, node, call.values)
            output = layer(*call.args, **call.kwargs)
            if not isinstance(output, mx.array) or output.shape != call.hidden.shape:
                raise DoesNotFit("its layers give something else than hidden states")
            if last:
                self._finish(node, forward, output)
            else:
                mx.eval(output)
                forward.answer(output)
        self._let_go(number)

    def _continue(self, index: int, node: Node, values: Sequence[Any]) -> None:
        """Fill the caches this layer is called with from those of the node before."""
        if index == 0:
            return
        for value in values:
            for which in caches.found(self._caches[index], value):
                if which not in self._filled[index]:
                    caches.give(self._caches[index][which], self._caches[index - 1][which], node.rows)
                    self._filled[index].add(which)

    def _finish(self, node: Node, forward: Forward, output: mx.array) -> None:
        if len(node.scored):
            rows, positions = mx.array(node.scored[:, 0]), mx.array(node.scored[:, 1])
            self.features.append(output[rows, positions])
            mx.eval(self.features[-1])
        forward.stop()

    def _let_go(self, number: int) -> None:
        for cache in self._caches:
            for each, last_use in zip(cache, self._last_use, strict=False):
                if last_use == number:
                    caches.empty(each)


def split(batches: Sequence[Batch], width: int, itemsize: int, budget: int) -> list[list[Batch]]:
    """Batches in their order, in passes whose hidden states and features take at most `budget` bytes.

    A batch that takes more alone is a pass of its own.
    """
    passes: list[list[Batch]] = [[]]
    taken = 0
    for batch in batches:
        need = (batch.computed + batch.features) * width * itemsize
        if passes[-1] and taken + need > budget:
            passes.append([])
            taken = 0
        passes[-1].append(batch)
        taken += need
    return [each for each in passes if each]
