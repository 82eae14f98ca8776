"""How likelihoods are computed on this machine: tried for a second or two, then said.

Which is faster, packed or unpacked weights, differs by device and so does the number of tokens a layer
should see at once; neither is looked up by platform.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import msgspec
from mlx.utils import tree_flatten

from bot.card.numbers import size
from bot.measure import device
from bot.measure.engine import weights
from bot.measure.engine.gates import DoesNotFit, Forward, Skeleton
from bot.measure.engine.lines import Limits
from bot.measure.engine.weights import Precision
from bot.records import Computation

PAYS = 1.25
"""How many times faster a product must be before weights are dequantized, or laid out otherwise, for it."""

EXACTNESS_COSTS = 4.0
"""float32 is computed in unless the model's own dtype is more than so many times faster."""

TOKENS = (512, 2048, 8192)
"""Batch sizes that are tried, in tokens."""

TRY_NO_LARGER = 0.1
"""Seconds a trial may take if a larger batch is to be tried too."""

CELLS_BYTES = 2**29
"""What attention scores of one batch may take; some devices hold them whole."""

SMALLEST_BUDGET = 2**28
SHARE = 4
"""The hidden states between layers may take one part in so many of the usable memory."""


class Choice(msgspec.Struct, frozen=True):
    """`budget` in bytes. `why` is a sentence for people."""

    precision: Precision
    limits: Limits
    budget: int
    why: str

    def computation(self, dtype: str) -> Computation:
        return Computation(
            path="layers",
            weights=self.precision.weights,
            dtype=dtype,
            batch_tokens=self.limits.tokens,
            budget_bytes=self.budget,
            why=self.why,
        )


def choose(folder: Path, skeleton: Skeleton, config: dict[str, Any], *, exact: bool) -> Choice:
    """Try what this machine does best with this model. With `exact`, its own dtype and packed weights."""
    precision, reason = _precision(skeleton.model, exact=exact)
    number = len(skeleton.layers) // 2
    layer = next(weights.layers(folder, precision, skip=number))
    layer_bytes = sum(value.nbytes for _, value in tree_flatten(layer.parameters()))
    tried = _of_shape(config, precision)
    if tried not in _TRIED:
        _TRIED[tried] = _batch_tokens(skeleton, layer, number)
    tokens, rate = _TRIED[tried]
    budget = budget_of(device.usable_memory(), layer_bytes)
    heads = int(_of_text(config).get("num_attention_heads") or 32)
    limits = Limits(tokens, CELLS_BYTES // (4 * heads), sharing=skeleton.sharing)
    shared = "" if skeleton.sharing else ", no beginnings shared (its caches do not allow it)"
    why = (
        f"layer by layer, {reason}, {tokens} tokens at once ({rate:,.0f} a second and layer){shared}, "
        f"up to {size(budget)} held between layers"
    )
    return Choice(precision, limits, budget, why)


def budget_of(usable: int, layer_bytes: int) -> int:
    """Bytes for hidden states: a share of the memory, and never what two layers need."""
    return max(SMALLEST_BUDGET, min(usable // SHARE, usable - 2 * layer_bytes))


def _precision(model: nn.Module, *, exact: bool) -> tuple[Precision, str]:
    own = weights.own_dtype(model)
    name = str(own).removeprefix("mlx.core.")
    if exact:
        return Precision("own", "stored"), f"in {name} with the weights as stored, as asked"
    dtype = mx.float32 if _product(mx.float32) <= EXACTNESS_COSTS * _product(own) else own
    transposed = _plain(dtype) > PAYS * _transposed(dtype)
    called = ("float32" if dtype == mx.float32 else name) + (", matrices by columns" if transposed else "")
    in_dtype = Precision("float32" if dtype == mx.float32 else "own", transposed=transposed)
    if not weights.is_packed(model):
        return in_dtype, f"in {called}"
    times = _packed(dtype) / _product(dtype)
    if times > PAYS:
        unpacked = msgspec.structs.replace(in_dtype, weights="dequantized")
        return unpacked, f"in {called}, weights dequantized (a plain matmul is {times:.1f} times faster here)"
    return in_dtype, f"in {called}, weights as stored (a plain matmul is only {times:.1f} times faster here)"


def _product(dtype: mx.Dtype) -> float:
    """Seconds of a product with the second matrix laid out as is best."""
    return min(_plain(dtype), _transposed(dtype))


@functools.cache
def _plain(dtype: mx.Dtype) -> float:
    """Seconds for 256 tokens by 512 x 512. Of the device, so it is tried once a process."""
    x, y = mx.ones((256, 512), dtype), mx.ones((512, 512), dtype)
    return seconds(lambda: x @ y.T)


@functools.cache
def _transposed(dtype: mx.Dtype) -> float:
    """The same with the second matrix laid out the other way."""
    x, y = mx.ones((256, 512), dtype), mx.contiguous(mx.ones((512, 512), dtype).T).T
    return seconds(lambda: x @ y.T)


@functools.cache
def _packed(dtype: mx.Dtype) -> float:
    x = mx.ones((256, 512), dtype)
    packed = mx.quantize(mx.ones((512, 512), dtype), group_size=64, bits=4)
    return seconds(lambda: mx.quantized_matmul(x, *packed, group_size=64, bits=4))


_TRIED: dict[tuple[bytes, Precision], tuple[int, float]] = {}
"""What `_batch_tokens` found in this process, by what it depends on: a base and its quants are tried once."""


def _of_shape(config: dict[str, Any], precision: Precision) -> tuple[bytes, Precision]:
    """Models of one shape, however they are stored; packed weights that stay packed are another matter."""
    stored = () if precision.weights == "stored" else ("quantization", "quantization_config")
    shape = {name: value for name, value in config.items() if name not in stored}
    return msgspec.json.encode(shape, order="sorted"), precision


def _batch_tokens(skeleton: Skeleton, layer: nn.Module, number: int) -> tuple[int, float]:
    """The smallest batch that is nearly as fast as the fastest, and its tokens a second through one layer."""
    rates: list[tuple[int, float]] = []
    for tokens in TOKENS:
        rows = mx.zeros((tokens // 64, 64), mx.int32)
        forward = skeleton.begin(rows, None)
        while forward.call is not None and forward.call.layer < number:
            forward.answer(forward.call.hidden)
        took = _passing(layer, forward)
        rates.append((tokens, tokens / took))
        if took > TRY_NO_LARGER:
            break
    return nearly_best(rates)


def _passing(layer: nn.Module, forward: Forward) -> float:
    """Seconds that a layer takes for what waits at it. Raises DoesNotFit where it wants or gives more."""
    call = forward.call
    assert call is not None
    try:
        output = layer(*call.args, **call.kwargs)
        fits = isinstance(output, mx.array) and output.shape == call.hidden.shape
        took = seconds(lambda: layer(*call.args, **call.kwargs)) if fits else 0.0
    except Exception as error:  # any of 130 model files may want what only a whole model has
        raise DoesNotFit(f"a layer fails alone: {' '.join(str(error).split())[:120]}") from error
    if not fits:
        raise DoesNotFit("its layers give something else than hidden states")
    forward.stop()
    return took


def nearly_best(rates: Sequence[tuple[int, float]]) -> tuple[int, float]:
    """The first (smallest) of (batch, rate) within 5 % of the highest rate."""
    best = max(rate for _, rate in rates)
    return next((tokens, rate) for tokens, rate in rates if rate >= 0.95 * best)


def _of_text(config: dict[str, Any]) -> dict[str, Any]:
    text = config.get("text_config")
    return text if isinstance(text, dict) else config


def seconds(compute: Callable[[], Any]) -> float:
    """Of one run, after one to warm up."""
    mx.eval(compute())
    start = time.perf_counter()
    mx.eval(compute())
    return time.perf_counter() - start
