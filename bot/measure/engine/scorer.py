"""A model folder that answers what tokens are worth to it: the engine's face.

`Layered` runs layer by layer; `Whole` is for the few architectures whose forward pass does not allow that.
Both turn batches into features, and features into logits; `log_probabilities` is what most callers want.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import mlx.core as mx
import mlx.nn as nn
import msgspec
import numpy as np
import numpy.typing as npt

from bot.measure import device
from bot.measure.engine import choose, passes, weights
from bot.measure.engine.checkpoint import Checkpoint, under_way
from bot.measure.engine.gates import DoesNotFit, Skeleton
from bot.measure.engine.lines import Batch, Limits
from bot.measure.engine.passes import Advanced
from bot.records import Computation

HEAD_BYTES = 2**27
"""What float32 logits may take at a time."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Scorer(Protocol):
    """A model as the measurements see it. `dtype` is what it computes in, such as "float32"."""

    model: nn.Module
    tokenizer: Any
    config: dict[str, Any]
    computation: Computation

    @property
    def limits(self) -> Limits: ...

    def passes(self, made: Sequence[Batch], models: int = 1) -> list[list[Batch]]:
        """The batches in passes that fit the memory, which `models` share."""

    def features(self, made: Sequence[Batch], advanced: Advanced) -> list[mx.array]:
        """Of each batch of one pass, a row for each scored position."""

    def logits(self, rows: mx.array) -> mx.array:
        """Of each feature, the logits in float32: rows x vocabulary."""


def open_folder(folder: Path, *, exact: bool = False, checkpoints: Path | None = None) -> Scorer:
    """The folder's model, ready to be asked; only what stands outside its layers is in memory.

    `checkpoints` is where passes under way are kept. Raises UnsuitableBase, VerificationFailed.
    """
    model, tokenizer, config = weights.load(folder)
    try:
        skeleton = Skeleton(model)
        choice = _choice(folder, skeleton, config, exact, checkpoints)
        return Layered(folder, skeleton, tokenizer, config, choice, checkpoints)
    except DoesNotFit as reason:
        return Whole(
            folder, f"the whole model at once, because layer by layer does not fit it: {reason}", exact
        )


def _choice(
    folder: Path, skeleton: Skeleton, config: dict[str, Any], exact: bool, checkpoints: Path | None
) -> choose.Choice:
    """As a trial finds best; but where a killed pass is to be gone on with, as that was begun.

    A trial comes out otherwise when the machine is busy, and a pass of other batches is another pass.
    """
    file = checkpoints / f"choice{'-exact' if exact else ''}.msgpack" if checkpoints is not None else None
    if file is not None and under_way(file.parent):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            begun = msgspec.msgpack.decode(file.read_bytes(), type=choose.Choice)
            if begun.budget < device.usable_memory():
                return begun
    choice = choose.choose(folder, skeleton, config, exact=exact)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.msgpack.encode(choice))
    return choice


class Layered:
    """The engine proper. Embeddings, norm and head are resident; layers come from the files, pass by pass."""

    def __init__(
        self,
        folder: Path,
        skeleton: Skeleton,
        tokenizer: Any,
        config: dict[str, Any],
        choice: choose.Choice,
        checkpoints: Path | None,
    ) -> None:
        self.model, self.tokenizer, self.config = skeleton.model, tokenizer, config
        self._folder, self._skeleton, self._choice, self._checkpoints = folder, skeleton, choice, checkpoints
        weights.ready(skeleton.model, choice.precision)
        float32 = choice.precision.dtype == "float32"
        self._own = mx.float32 if float32 else weights.own_dtype(skeleton.model)
        self.computation = choice.computation(str(self._own).removeprefix("mlx.core."))

    @property
    def limits(self) -> Limits:
        return self._choice.limits

    def passes(self, made: Sequence[Batch], models: int = 1) -> list[list[Batch]]:
        return passes.split(made, self._skeleton.width, self._own.size, self._choice.budget // models)

    def features(self, made: Sequence[Batch], advanced: Advanced) -> list[mx.array]:
        checkpoint = self._checkpoint(made)
        found = passes.features(
            self._skeleton,
            lambda first: weights.layers(self._folder, self._choice.precision, skip=first),
            made,
            checkpoint,
            advanced,
        )
        if checkpoint is not None:
            checkpoint.remove()
        return found

    def logits(self, rows: mx.array) -> mx.array:
        return self._skeleton.head(rows).astype(mx.float32)

    def _checkpoint(self, made: Sequence[Batch]) -> Checkpoint | None:
        """None where a layer reads another layer's cache: what a killed pass left would not be enough."""
        used = self._skeleton.last_use
        if self._checkpoints is None or (used is not None and len(set(used)) != len(used)):
            return None
        key = digest(self.computation, made)
        return Checkpoint(self._checkpoints, key)


class Whole:
    """The whole model in memory, one line at a time, as mlx_lm runs it."""

    def __init__(self, folder: Path, why: str, exact: bool) -> None:
        self.model, self.tokenizer, self.config = weights.load(folder)
        precision = weights.Precision("own" if exact else "float32")
        weights.ready(self.model, precision)
        dtype = "float32" if not exact else str(weights.own_dtype(self.model)).removeprefix("mlx.core.")
        self.computation = Computation(path="whole", weights="stored", dtype=dtype, batch_tokens=1, why=why)
        self.limits = Limits(1, 1, sharing=False)

    def passes(self, made: Sequence[Batch], models: int = 1) -> list[list[Batch]]:
        return [[batch] for batch in made]

    def features(self, made: Sequence[Batch], advanced: Advanced) -> list[mx.array]:
        found = []
        for batch in made:
            tokens = np.concatenate([node.tokens for node in batch.nodes], axis=1)
            logits = self.model(mx.array(tokens))[0]
            starts = np.cumsum([0, *(node.tokens.shape[1] for node in batch.nodes)])
            positions = [node.scored[:, 1] + start for node, start in zip(batch.nodes, starts, strict=False)]
            found.append(logits[mx.array(np.concatenate(positions))].astype(mx.float32))
            mx.eval(found[-1])
        advanced(1.0)
        return found

    def logits(self, rows: mx.array) -> mx.array:
        return rows


def digest(how: Computation, made: Sequence[Batch]) -> str:
    """SHA-256 of how and what is computed; how fast a trial was, which `how` tells too, plays no part."""
    total = hashlib.sha256(f"{how.path} {how.weights} {how.dtype}".encode())
    for batch in made:
        for node in batch.nodes:
            rows = b"" if node.rows is None else node.rows.tobytes()
            total.update(repr(node.tokens.shape).encode() + node.tokens.tobytes() + rows)
        total.update(batch.pairs.tobytes())
    return total.hexdigest()


def chunks(scorer: Scorer, rows: mx.array) -> Iterator[tuple[int, mx.array]]:
    """Logits of the features, some at a time: the first one's number, and float32 rows x vocabulary."""
    step = max(1, HEAD_BYTES // (4 * len(scorer.tokenizer)))
    for start in range(0, rows.shape[0], step):
        yield start, scorer.logits(rows[start : start + step])


def log_probabilities(scorer: Scorer, batch: Batch, rows: mx.array) -> tuple[Floats, Bools]:
    """Of each pair of the batch, its token's log-probability in nats, and whether it is the likeliest."""
    value = np.empty(len(batch.pairs), np.float64)
    greedy = np.empty(len(batch.pairs), np.bool_)
    order = np.argsort(batch.pairs[:, 0], kind="stable")
    sorted_features = batch.pairs[order, 0]
    for start, logits in chunks(scorer, rows):
        low, high = np.searchsorted(sorted_features, [start, start + logits.shape[0]])
        which = order[low:high]
        at = mx.array(batch.pairs[which, 0] - start)
        targets = mx.array(batch.pairs[which, 1])
        chosen = logits[at, targets] - mx.logsumexp(logits, axis=-1)[at]
        likeliest = mx.argmax(logits, axis=-1)[at] == targets
        mx.eval(chosen, likeliest)
        value[which], greedy[which] = np.array(chosen), np.array(likeliest)
    return value, greedy
