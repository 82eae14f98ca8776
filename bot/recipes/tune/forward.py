"""What a model says about fixed samples, and how far that is from what it said before.

Runs in a child process only: it imports MLX.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import numpy.typing as npt

from bot.errors import HostError, UnsuitableBase
from bot.measure import device
from bot.measure.divergence import kl

Positions = npt.NDArray[np.float64]

ROWS = 64
"""Positions whose divergence is computed at a time."""

TEMPORARIES = 3
"""Arrays of logits that live beside what is kept, while one sample is compared."""


def memory(samples: int, length: int, vocabulary: int) -> int:
    """Bytes for samples x length x vocabulary log-probabilities in float32, and for comparing one sample."""
    return (samples + TEMPORARIES) * length * vocabulary * 4


class Forward:
    """A model over samples, a row of token ids each; one sample at a time.

    `begin_at` spares computing the layers before one: MLX evaluates only what an answer needs, so it is
    enough to put the layer's recorded output in its place. Nothing of an architecture need be known for it,
    but that each layer is called once.
    """

    def __init__(self, model: nn.Module, samples: mx.array, name: str) -> None:
        self._model, self._samples, self.name = model, samples, name
        self._begin: nn.Module | None = None
        self._outputs: list[Any] = []

    @property
    def count(self) -> int:
        return int(self._samples.shape[0])

    def logits(self, sample: int) -> mx.array:
        """Shape (length, vocabulary), float32, not evaluated. Raises UnsuitableBase where the model fails."""
        given = (
            _answering(self._begin, lambda _: self._outputs[sample])
            if self._begin is not None
            else contextlib.nullcontext()
        )
        with _running(self.name), given:
            logits: mx.array = self._model(self._samples[sample : sample + 1])[0].astype(mx.float32)
        return logits

    def begin_at(self, layer: nn.Module | None) -> None:
        """From now on take what `layer` gave as given; its own and earlier weights must be the base's now.

        None: compute everything again.
        """
        if layer is self._begin:
            return
        outputs = []
        for sample in range(self.count if layer is not None else 0):
            said: list[Any] = []
            with _answering(layer, _remembering(said)):
                self.logits(sample)
            with _running(self.name):
                mx.eval(said)
            outputs += said
        self._begin, self._outputs = layer, outputs

    def called(self, layers: dict[str, nn.Module]) -> list[str]:
        """Which of the layers the model calls, in that order, once for each call."""
        order: list[str] = []
        with contextlib.ExitStack() as stack:
            for path, layer in layers.items():
                stack.enter_context(_answering(layer, _noting(order, path)))
            self.logits(0)
        return order


Compute = Callable[[], Any]


def _remembering(said: list[Any]) -> Callable[[Compute], Any]:
    def answer(compute: Compute) -> Any:
        said.append(compute())
        return said[-1]

    return answer


def _noting(order: list[str], path: str) -> Callable[[Compute], Any]:
    def answer(compute: Compute) -> Any:
        order.append(path)
        return compute()

    return answer


@contextlib.contextmanager
def _answering(module: nn.Module | None, answer: Callable[[Compute], Any]) -> Iterator[None]:
    """Inside the block `module` answers calls with what `answer` makes of them; all else of it stays.

    Its class is exchanged for a subclass, so that isinstance and attributes hold as before.
    """
    assert module is not None
    kind = type(module)

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return answer(lambda: kind.__call__(self, *args, **kwargs))

    module.__class__ = type(kind.__name__, (kind,), {"__call__": call})
    try:
        yield
    finally:
        module.__class__ = kind


@contextlib.contextmanager
def _running(name: str) -> Iterator[None]:
    """Whatever a model's forward pass raises, in one sentence."""
    try:
        yield
    except (MemoryError, OSError, UnsuitableBase):
        raise
    except Exception as error:  # any of 130 model files may fail on text alone
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnsuitableBase(f"{name}: mlx-lm's model of it fails on plain text here: {cause}") from error


# ------------------------------------------------------------------ how far


def log_probabilities(forward: Forward) -> list[mx.array]:
    """Of each sample, shape (length, vocabulary). Raises UnsuitableBase where they are not finite."""
    found: list[mx.array] = []
    for sample in range(forward.count):
        logits = forward.logits(sample)
        if not found:
            _refuse_memory(forward, logits)
        kept = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        with _running(forward.name):
            mx.eval(kept)
        if mx.isnan(kept).any().item():
            raise UnsuitableBase(
                f"{forward.name}: what it says of plain text is no number: its weights are broken"
            )
        found.append(kept)
    return found


def divergences(forward: Forward, base: Sequence[mx.array]) -> Positions:
    """KL(base || model) at each position, in nats: shape (samples, length)."""
    return np.array([_divergence(forward, sample, base[sample]) for sample in range(forward.count)])


def _divergence(forward: Forward, sample: int, base: mx.array) -> list[float]:
    logits = forward.logits(sample)
    with _running(forward.name):
        mx.eval(logits)
    starts = range(0, len(base), ROWS)
    return [
        row for start in starts for row in _rows(kl(base[start : start + ROWS], logits[start : start + ROWS]))
    ]


def _rows(values: mx.array) -> list[float]:
    listed: Any = values.tolist()
    return list(listed)


def _refuse_memory(forward: Forward, logits: mx.array) -> None:
    need, have = memory(forward.count, *logits.shape), device.usable_memory()
    if need > have:
        raise HostError(
            f"{forward.name}: the log-probabilities of {forward.count} samples of {logits.shape[0]} tokens "
            f"over {logits.shape[1]} words take {need / 1e9:.1f} GB and {have / 1e9:.1f} GB are free: "
            "ask for fewer --samples or a shorter --length"
        )
