"""A weight's packed tensors: what `mx.quantize` gives, on all cores and in bounded memory.

On a GPU `mx.quantize` is asked itself. On a CPU it takes one core, and for all modes but affine 8 to 80
bytes of temporaries a weight: here a large weight goes block by block over a stream a core, mxfp4 and nvfp4
in the faster way of `microscale.py`.
"""

from __future__ import annotations

import collections
import functools
import itertools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from bot.quantize import microscale
from bot.records import Quantization

SMALL = 1 << 18
"""Weights up to which nothing is won by splitting."""

BLOCK = 1 << 19
"""Weights packed at a time on each stream, with up to 14 bytes of temporaries each."""

CORES = min(os.cpu_count() or 1, 8)

UNSIGNED = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32}
"""By width in bytes: numpy has no bfloat16 and moves all floats as these."""

Index = tuple[int | slice, ...]
Bits = npt.NDArray[Any]
Packed = tuple[mx.array, ...]
Way = Callable[[mx.array], Packed]
"""Packs a block; the last of what it gives is a scalar: False where `mx.quantize` may give something else."""


def pack(weight: mx.array, quantization: Quantization) -> Packed:
    """`mx.quantize(weight, group_size, bits, mode)`, evaluated: weight, scales, and for affine biases.

    `weight` is evaluated, of shape (..., rows, columns). On a CPU at most some 64 MB are taken beside it
    and what is given. Raises ValueError as `mx.quantize` does: no floats, columns no multiple of a group.
    """
    whole = _quantize(weight, quantization)  # not evaluated: shapes, types, and MLX's own errors
    way = _way(weight, quantization)
    if way is None:
        mx.eval(*whole)
        return whole
    made = [mx.zeros(part.shape, UNSIGNED[part.itemsize]) for part in whole]
    mx.eval(*made)
    targets = [np.asarray(part) for part in made]  # numpy shares their memory
    for index, (*parts, sure) in _by_blocks(weight, way):
        if not sure.item():
            parts = list(_quantize(weight[index], quantization))
        for part, target in zip(parts, targets, strict=True):
            target[index] = np.asarray(part.view(UNSIGNED[part.itemsize]))
    packed = tuple(part.view(like.dtype) for part, like in zip(made, whole, strict=True))
    mx.eval(*packed)
    return packed


def _quantize(weight: mx.array, quantization: Quantization) -> Packed:
    return tuple(mx.quantize(weight, quantization.group_size, quantization.bits, quantization.mode))


def _way(weight: mx.array, quantization: Quantization) -> Way | None:
    """How a block of a large weight is packed on a CPU; None where MLX packs it all in one piece."""
    mode = quantization.mode
    if mx.default_device() != mx.Device(mx.cpu) or weight.size <= SMALL:
        return None
    if mode not in microscale.MODES:
        return lambda block: (*_quantize(block, quantization), mx.array(True))
    if weight.shape[-1] % 32 or not microscale.agrees(mode, weight.dtype):
        return None
    return lambda block: microscale.quantize(block, mode)


@functools.cache
def _streams() -> tuple[mx.Stream, ...]:
    """Made once, for whichever thread packs; MLX runs each on a thread of its own."""
    return tuple(mx.new_thread_unsafe_stream(mx.cpu) for _ in range(CORES))


def _by_blocks(weight: mx.array, way: Way) -> Iterator[tuple[Index, Packed]]:
    """What `way` makes of each block, and where it belongs; two blocks a stream are under way meanwhile."""
    waiting: collections.deque[tuple[Index, Packed]] = collections.deque()
    for index, stream in zip(_blocks(weight.shape), itertools.cycle(_streams()), strict=False):
        with mx.stream(stream):
            parts = way(weight[index])
        mx.async_eval(*parts)  # type: ignore[no-untyped-call]
        waiting.append((index, parts))
        if len(waiting) > 2 * CORES:
            yield waiting.popleft()
    yield from waiting


def _blocks(shape: tuple[int, ...]) -> Iterator[Index]:
    """Indices that cut an array into whole rows, up to `BLOCK` elements at a time or one row."""
    inner = math.prod(shape[1:])
    if len(shape) > 2 and inner > BLOCK:
        for place in range(shape[0]):
            yield from ((place, *rest) for rest in _blocks(shape[1:]))
    else:
        step = max(1, BLOCK // inner)
        yield from ((slice(start, start + step),) for start in range(0, shape[0], step))
