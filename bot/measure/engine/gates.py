"""A model whose layers are gates: its own forward pass stops at each, and whoever runs it answers.

mlx-lm's code is left as it is. Each entry of `model.layers` gets a subclass of its own class whose call hands
the arguments over (a greenlet switches) and returns what it is answered; isinstance and attributes hold.
So many forward passes can stand at the same layer, which is in memory once, for all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import mlx.core as mx
import mlx.nn as nn
from greenlet import GreenletExit, getcurrent, greenlet
from mlx_lm.models.cache import make_prompt_cache

from bot.measure.engine import caches

CHECKED = 3
"""Tokens of the forward passes that find out whether a model can be run layer by layer."""


class DoesNotFit(Exception):  # noqa: N818  not an error: the whole-model path is taken instead
    """Why a model's forward pass cannot be run layer by layer, in a few words."""


class Call(NamedTuple):
    """A layer was called: which, and with what."""

    layer: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def values(self) -> tuple[Any, ...]:
        return (*self.args, *self.kwargs.values())

    @property
    def hidden(self) -> mx.array:
        """What comes out of the layer before: rows x length x width. Raises DoesNotFit."""
        if not self.args or not isinstance(self.args[0], mx.array) or self.args[0].ndim != 3:
            raise DoesNotFit("its layers take no hidden states of rows x length x width")
        return self.args[0]


class Forward:
    """One forward pass. `call` is what it waits for at a layer, or None: it is over, and has its `output`."""

    def __init__(self, model: nn.Module, tokens: mx.array, cache: list[Any] | None) -> None:
        self._running = greenlet(lambda: model(tokens, cache=cache))
        self.output: Any = None
        self.call: Call | None = None
        self._take(self._running.switch())

    def answer(self, output: Any) -> None:
        """Let it go on to the next layer, or to its end, as if the layer had given `output`."""
        self._take(self._running.switch(output))

    def stop(self) -> None:
        """Nothing more is wanted of it."""
        self._running.throw(GreenletExit)

    def _take(self, given: Any) -> None:
        self.call = None if self._running.dead else given
        self.output = given if self._running.dead else None


class Skeleton:
    """A model with gates for layers. `width` is its hidden size, `last_use` the last layer of each cache.

    `sharing` is False where caches are not handed to layers one by one: then nothing can be continued.
    """

    def __init__(self, model: nn.Module) -> None:
        """Raises DoesNotFit when the forward pass is more than embedding, each layer once, and a head
        that looks at each position alone. No layer's weights are touched."""
        self.model = model
        self.layers = list(model.layers)
        for number, layer in enumerate(self.layers):
            _gate(layer, number)
        try:
            self.width = self._width()
            self._check_head()
            self.last_use = self._last_use()
        except DoesNotFit:
            raise
        except Exception as error:  # any of 130 model files may fail on such a call
            raise DoesNotFit(f"it fails on a trial: {' '.join(str(error).split())[:120]}") from error
        self.sharing = self.last_use is not None

    def begin(self, tokens: mx.array, cache: list[Any] | None) -> Forward:
        return Forward(self.model, tokens, cache)

    def caches(self) -> list[Any]:
        return list(make_prompt_cache(self.model))

    def head(self, hidden: mx.array) -> mx.array:
        """Logits (n x vocabulary) of what the last layer gave at n positions (n x width)."""
        forward = self.begin(mx.zeros((1, 1), mx.int32), None)
        for _ in self.layers[:-1]:
            forward.answer(_called(forward).hidden)
        forward.answer(hidden[None])
        if not isinstance(forward.output, mx.array):
            raise DoesNotFit("it gives no logits")
        logits: mx.array = forward.output[0]
        return logits

    def _trial(self) -> mx.array:
        return mx.arange(CHECKED, dtype=mx.int32)[None]

    def _width(self) -> int:
        forward = self.begin(self._trial(), None)
        width = 0
        for number in range(len(self.layers)):
            call = _called(forward)
            if call.layer != number:
                raise DoesNotFit("it does not call its layers once each, in their order")
            width = call.hidden.shape[-1]
            if call.hidden.shape[:2] != (1, CHECKED):
                raise DoesNotFit("its layers see other positions than the tokens'")
            forward.answer(call.hidden)
        if forward.call is not None:
            raise DoesNotFit("it calls a layer twice")
        return width

    def _check_head(self) -> None:
        """What follows the layers gives the same at a position whatever stands beside it."""
        hidden = mx.random.normal((CHECKED, self.width), key=mx.random.key(7))
        forward = self.begin(self._trial(), None)
        for _ in self.layers[:-1]:
            forward.answer(_called(forward).hidden)
        forward.answer(hidden[None].astype(_called(forward).hidden.dtype))
        together = forward.output[0].astype(mx.float32)
        alone = self.head(hidden[1:2].astype(_called_dtype(self))).astype(mx.float32)
        if not mx.allclose(together[1:2], alone, rtol=1e-2, atol=1e-2).item():
            raise DoesNotFit("what follows its layers mixes positions")

    def _last_use(self) -> list[int] | None:
        cache = self.caches()
        used = [-1] * len(cache)
        forward = self.begin(self._trial(), cache)
        for number in range(len(self.layers)):
            call = _called(forward)
            for value in call.values:
                for index in caches.found(cache, value):
                    used[index] = number
            forward.answer(call.hidden)
        return used if cache and min(used) >= 0 else None


def _called(forward: Forward) -> Call:
    if forward.call is None:
        raise DoesNotFit("it does not call all of its layers")
    return forward.call


def _called_dtype(skeleton: Skeleton) -> mx.Dtype:
    forward = skeleton.begin(mx.zeros((1, 1), mx.int32), None)
    dtype = _called(forward).hidden.dtype
    forward.stop()
    return dtype


def _gate(layer: nn.Module, number: int) -> None:
    kind = type(layer)

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        scheduler = getcurrent().parent
        if scheduler is None:
            raise DoesNotFit("a layer is called outside the forward pass")
        return scheduler.switch(Call(number, args, kwargs))

    layer.__class__ = type(kind.__name__, (kind,), {"__call__": call})
    # A module is a dict of its parts and parameters: a gate holds none, so that none stays in memory.
    for name in [name for name, value in layer.items() if _holds_arrays(value)]:
        del layer[name]


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_arrays(each) for each in value)
    if isinstance(value, dict) and not isinstance(value, nn.Module):
        return any(_holds_arrays(each) for each in value.values())
    return isinstance(value, (mx.array, nn.Module))
