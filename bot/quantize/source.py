"""The base as it is read: each part's tensors once, cast or opened as its recipes want them, then let go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map

from bot.fetch.select import WEIGHTS
from bot.recipes import architecture
from bot.recipes.headers import local_headers
from bot.recipes.inventory import DTYPE_NAMES, inventory
from bot.recipes.layout import Inventory, Part, cast, in_config, opened
from bot.recipes.senses import Sense, arranged, kept

MLX_TYPES = {name: dtype for dtype, name in DTYPE_NAMES.items()}


class Source:
    """mlx-lm's model over the weights in a folder, none read yet.

    `config` is config.json as mlx-lm completes it, `inventory` what the base holds; with `text_only` without
    what it sees with. Raises UnsuitableBase where weights and config do not fit each other.
    """

    def __init__(self, folder: Path, base: str, *, text_only: bool) -> None:
        model, self.config = architecture.load(folder, base)
        senses = {} if text_only else kept(self.config, local_headers(folder, base))
        self.inventory: Inventory = inventory(model, self.config, base, senses)
        self._weights: dict[str, mx.array] = dict(tree_flatten(model.parameters()))
        model.update(tree_map(lambda _: mx.array([]), model.parameters()))
        self._weights |= _seen(folder, senses)

    def take(self, part: Part) -> Taken:
        """The part's tensors, unread. They belong to the caller: taken twice they are gone."""
        return Taken(part, {name: self._weights.pop(name) for name in part.tensors})


def _seen(folder: Path, senses: Mapping[str, Sense]) -> dict[str, mx.array]:
    """The values of the senses, unread, as the quant stores them."""
    raw: dict[str, mx.array] = {}
    for path in sorted(folder.glob(WEIGHTS)) if senses else ():
        raw |= mx.load(str(path))  # type: ignore[arg-type]  # safetensors load as a dict
    return {name: arranged(sense, raw[sense.source]) for name, sense in senses.items()}


class Taken:
    """A part's tensors in one or more forms."""

    def __init__(self, part: Part, weights: dict[str, mx.array]) -> None:
        self._part, self._weights = part, weights

    def form(self, dtype: str | None, *, requantize: bool, last: bool) -> dict[str, mx.array]:
        """The tensors read, opened where `requantize`, cast to `dtype` (safetensors' name), evaluated.

        With `last` the source's own values are given up while that is done.
        """
        part, weights = self._part, self._weights
        if last:
            self._weights = {}
        if requantize and part.stored is not None:
            weights, part = _opened(part, weights), opened(part)
        wanted = cast(part, dtype)
        arrays = {name: weights.pop(name) if last else weights[name] for name in wanted}
        for name, tensor in wanted.items():
            arrays[name] = arrays[name].astype(MLX_TYPES[tensor.dtype])
        mx.eval(arrays)
        return arrays


def _opened(part: Part, weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """As `mlx_lm.utils.dequantize_model` does it."""
    assert part.stored is not None
    weight = mx.dequantize(
        weights[f"{part.path}.weight"],
        weights[f"{part.path}.scales"],
        weights.get(f"{part.path}.biases"),
        **in_config(part.stored),
    )
    return {**weights, f"{part.path}.weight": weight}
