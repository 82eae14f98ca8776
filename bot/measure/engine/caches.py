"""mlx-lm's caches, continued: what one forward pass left in a layer's cache is what the next begins with.

A forward pass makes its masks before its first layer, from caches that the pass before has not filled yet:
it gets caches that look filled (offsets are right, contents are not), and each is given its contents
when its layer's turn has come.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache

from bot.measure.engine.lines import Ints


def looking_filled(cache: list[Any], lengths: Sequence[int]) -> list[Any]:
    """The fresh caches, as if calls with so many tokens each had gone through them."""
    for each in cache:
        for length in lengths:
            _pretend(each, length)
    return cache


def _pretend(cache: Any, length: int) -> None:
    if isinstance(cache, KVCache):
        cache.step = 1  # no room for tokens that never come
    for inner in getattr(cache, "caches", ()):
        _pretend(inner, length)
    if hasattr(cache, "update_and_fetch"):
        nothing = mx.zeros((1, 1, length, 1))
        cache.update_and_fetch(nothing, nothing)


def found(cache: list[Any], value: Any) -> list[int]:
    """Which of the caches `value` is, or holds."""
    return [
        index
        for index, each in enumerate(cache)
        if value is each or any(value is inner for inner in getattr(each, "caches", ()))
    ]


def give(to: Any, of: Any, rows: Ints | None) -> None:
    """Put into the cache `to` what `of` holds, row `rows[i]` of it in row i (None: row for row)."""
    index = None if rows is None else mx.array(rows)
    for name, value in vars(of).items():
        if name != "caches":
            setattr(to, name, _taken(value, index))
    for inner, source in zip(getattr(to, "caches", ()), getattr(of, "caches", ()), strict=True):
        give(inner, source, rows)


def _taken(value: Any, index: mx.array | None) -> Any:
    if isinstance(value, mx.array):
        return value if index is None or value.ndim == 0 else value[index]
    if isinstance(value, (list, tuple)):
        return type(value)(_taken(each, index) for each in value)
    return copy.copy(value)


def empty(cache: Any) -> None:
    """Let go of the arrays it holds."""
    for name, value in vars(cache).items():
        if name != "caches":
            setattr(cache, name, _without(value))
    for inner in getattr(cache, "caches", ()):
        empty(inner)


def _without(value: Any) -> Any:
    if isinstance(value, mx.array):
        return None
    if isinstance(value, (list, tuple)):
        return type(value)(_without(each) for each in value)
    return value


def arrays(cache: Any) -> list[mx.array]:
    """All arrays it holds."""
    held = [value for name, value in vars(cache).items() if name != "caches"]
    inner = [array for each in getattr(cache, "caches", ()) for array in arrays(each)]
    return [*_arrays(held), *inner]


def _arrays(value: Any) -> list[mx.array]:
    if isinstance(value, mx.array):
        return [value]
    if isinstance(value, (list, tuple)):
        return [array for each in value for array in _arrays(each)]
    return []
