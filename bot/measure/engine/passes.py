"""One pass: many batches go through all layers together, and each layer is brought in once.

    begin      a forward pass for every node of every batch, each standing at its first layer
    each layer is brought in; every batch passes it, node after node; it is let go
    end        the hidden states at the scored positions (features), after the last layer

Between two layers only hidden states are held. They are also all that a killed pass needs to go on from
(`checkpoint`): everything else is made again from the tokens.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from bot import blas
from bot.measure import device
from bot.measure.engine import caches
from bot.measure.engine.checkpoint import Checkpoint
from bot.measure.engine.gates import DoesNotFit, Forward, Skeleton
from bot.measure.engine.lines import Batch, Node

Layers = Callable[[int], Iterator[nn.Module]]
"""The layers from this number on, each ready when it is asked for."""

MOST_CORES = 8
"""Streams of a CPU; more batches than these side by side would take memory for little."""

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
        step = functools.partial(_Run.step, number=number, layer=layer, last=number == last)
        for run in _side_by_side(runs, step):
            passed += run.batch.computed
            advanced(passed / total)
        del layer, step
        if checkpoint is not None and number < last and checkpoint.is_due(time.monotonic()):
            checkpoint.save(number + 1, [run.outputs for run in runs])
    return [mx.concatenate(run.features) for run in runs]


def _side_by_side(runs: Sequence[_Run], step: Callable[[_Run], list[mx.array]]) -> Iterator[_Run]:
    """Let each take the step, on a CPU one a core at a time; those that are done, in their order."""
    streams = _streams() if device.on_cpu() and len(runs) > 1 else (mx.default_stream(mx.default_device()),)
    under_way: collections.deque[tuple[_Run, list[mx.array]]] = collections.deque()
    with blas.one_thread_a_call() if len(streams) > 1 else contextlib.nullcontext():
        for run, stream in zip(runs, itertools.cycle(streams), strict=False):
            with mx.stream(stream):
                given = step(run)
            mx.async_eval(*given)  # type: ignore[no-untyped-call]
            under_way.append((run, given))
            if len(under_way) > len(streams):
                yield _done(*under_way.popleft())
        while under_way:
            yield _done(*under_way.popleft())


def _done(run: _Run, given: list[mx.array]) -> _Run:
    mx.eval(*given)
    return run


@functools.cache
def _streams() -> tuple[mx.Stream, ...]:
    """One a core, made once; MLX runs each on a thread of its own."""
    return tuple(mx.new_thread_unsafe_stream(mx.cpu) for _ in range(min(os.cpu_count() or 1, MOST_CORES)))


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

    def step(self, number: int, layer: nn.Module, *, last: bool) -> list[mx.array]:
        """Let every node pass the layer, each continuing the one before it; nothing is evaluated yet."""
        given = []
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
                output = self._finish(node, forward, output)
            else:
                forward.answer(output)
            given.append(output)
        self._let_go(number)
        return given

    def _continue(self, index: int, node: Node, values: Sequence[Any]) -> None:
        """Fill the caches this layer is called with from those of the node before."""
        if index == 0:
            return
        for value in values:
            for which in caches.found(self._caches[index], value):
                if which not in self._filled[index]:
                    caches.give(self._caches[index][which], self._caches[index - 1][which], node.rows)
                    self._filled[index].add(which)

    def _finish(self, node: Node, forward: Forward, output: mx.array) -> mx.array:
        """The rows of the last layer's output that are scored."""
        forward.stop()
        if not len(node.scored):
            return mx.zeros(0)
        self.features.append(output[mx.array(node.scored[:, 0]), mx.array(node.scored[:, 1])])
        return self.features[-1]

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
