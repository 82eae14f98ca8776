"""mxfp4 and nvfp4 on the CPU: bit for bit what `mx.quantize` gives, some forty times faster.

MLX 0.32 has no CPU kernel for these modes: `fp_quantize` in its mlx/ops.cpp tries all sixteen codes on
each weight. What it computes for a group of weights of type T, every step rounded to T:

    scale  largest magnitude / 6; its byte is the exponent of the next power of two (mxfp4: rounded up
           since ml-explore/mlx#4353), or its e4m3 (nvfp4)
    code   the e2m1 number nearest to weight / scale; a tie goes to the smaller magnitude, and what
           becomes zero loses its sign

Here the code is read off the bits of |weight| / scale with integer operations, of which MLX does some four
billion a second and core. Where the numbers leave the range in which both are the same (infinities, NaN,
groups all but zero; for nvfp4 above what its scale can say) the answer says so.
"""

from __future__ import annotations

import functools

import mlx.core as mx
import numpy as np

from bot.records import Record

UNSIGNED = {mx.bfloat16: mx.uint16, mx.float16: mx.uint16, mx.float32: mx.uint32}

CARRY = {mx.bfloat16: 0x7FFF, mx.float16: 0xEFFF, mx.float32: 0xFFFF}
"""What makes a float32's upper 16 bits grow exactly where its value, rounded to the type, is above what
they say alone: 0x10000 less one, less half of the type's last place where that is to be rounded away."""

ZERO_POINT = 0x3F80 - 31 - 8 * 32
"""From where steps of 32 are counted in the upper 16 bits of a float32: from 1 (0x3F80, step 8) on two steps
are e2m1's mantissa bit, which 31 rounds (half of it less one: ties go down)."""

PROBE = 1 << 15
"""Weights packed both ways before the first use."""


class Mode(Record, frozen=True, kw_only=True):
    """Groups are surely packed as MLX does it if their largest magnitude is 0 or `lowest` to `highest`."""

    group_size: int
    lowest: float
    highest: float


MODES = {
    "mxfp4": Mode(group_size=32, lowest=2.0**-123, highest=float(np.finfo(np.float32).max)),
    "nvfp4": Mode(group_size=16, lowest=0.0, highest=6 * 448.0),
}


def quantize(weight: mx.array, mode: str) -> tuple[mx.array, mx.array, mx.array]:
    """What `mx.quantize(weight, mode=mode)` gives, and if it surely is the same: a scalar, True or False.

    `weight`: bfloat16, float16 or float32, of shape (..., columns), columns a multiple of 32.
    """
    spec, shape = MODES[mode], (*weight.shape[:-1], -1)
    bits = weight.reshape(-1, spec.group_size).view(UNSIGNED[weight.dtype])
    positive = (1 << 8 * weight.itemsize - 1) - 1
    magnitudes = bits & positive
    largest = mx.max(magnitudes, axis=-1, keepdims=True).view(weight.dtype)
    scales, divisors = _scales(largest, mode)
    numbers = magnitudes.view(weight.dtype).astype(mx.float32)
    codes = _nearest((numbers / divisors).view(mx.int32), CARRY[weight.dtype])
    signs = (bits > positive).view(mx.uint8) & (codes > 0).view(mx.uint8)
    sure = (largest == 0) | ((largest >= spec.lowest) & (largest.astype(mx.float32) <= spec.highest))
    return _pairs(codes | signs * 8).reshape(shape), scales.reshape(shape), mx.all(sure)


def _scales(largest: mx.array, mode: str) -> tuple[mx.array, mx.array]:
    """The scale byte of groups with these largest magnitudes, and what it divides by, as float32."""
    scales = largest / mx.array(6, largest.dtype)
    if mode == "nvfp4":
        bytes_ = mx.to_fp8(scales)
        divisors = mx.from_fp8(bytes_, mx.float32)
        return bytes_, mx.where(divisors == 0, mx.array(np.inf, mx.float32), divisors)  # a scale of 0: zeros
    bits = scales.astype(mx.float32).view(mx.uint32)
    exponents = mx.where(bits == 0, mx.array(127, mx.uint32), (bits + 0x7FFFFF) >> 23)
    return exponents.astype(mx.uint8), (exponents << 23).view(mx.float32)


def _nearest(quotients: mx.array, carry: int) -> mx.array:
    """The e2m1 codes (two bits of exponent, one of mantissa) of positive float32s, given by their bits.

    0 up to a quarter (step 0), 1 up to three quarters (6), 2 up to one and a quarter (9); then every other
    step is one more, up to 7.
    """
    steps = mx.maximum((quotients + (carry - (ZERO_POINT << 16))) >> 21, 0).astype(mx.uint8)
    above_one = (mx.minimum(mx.maximum(steps, 8), 18) - 8) >> 1
    return above_one + (steps > 0).view(mx.uint8) + (steps > 6).view(mx.uint8)


def _pairs(codes: mx.array) -> mx.array:
    """Eight codes a word, the first in its lowest bits."""
    words = codes.view(mx.uint32)
    return (words | words >> 4).view(mx.uint16).astype(mx.uint8).view(mx.uint32)


@functools.cache
def agrees(mode: str, dtype: mx.Dtype) -> bool:
    """Does this MLX pack in this way? Told once, in ten milliseconds, by weights of which many are ties."""
    if dtype not in UNSIGNED:
        return False
    spread = np.exp2(np.linspace(-6, 2, PROBE // 32))[:, None]
    numbers = np.random.default_rng(0).normal(size=(PROBE // 32, 32)) * spread
    weights = mx.array(numbers.astype(np.float32)).astype(mx.bfloat16).astype(dtype)
    codes, scales, sure = quantize(weights, mode)
    theirs = mx.quantize(weights, MODES[mode].group_size, 4, mode)
    return bool(sure & mx.array_equal(codes, theirs[0]) & mx.array_equal(scales, theirs[1]))
