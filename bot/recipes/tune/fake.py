"""What a recipe makes of weights, without making a quant: packed as the quantizer packs, and opened again.

Runs in a child process only: it imports MLX.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm.utils import dequantize_model

from bot.errors import HostError
from bot.measure import device
from bot.measure.model import compute_in_float32
from bot.quantize.pack import pack
from bot.quantize.source import MLX_TYPES
from bot.recipes import architecture
from bot.recipes.headers import local_headers
from bot.recipes.inventory import inventory
from bot.recipes.layout import Inventory, Layout, cast, float_type, in_config, opened
from bot.recipes.senses import kept
from bot.recipes.tune import Block
from bot.recipes.tune.forward import Forward
from bot.records import Quantization, Recipe


class Base:
    """A base ready to compute, its weights cast as `recipe` casts them, and changed module by module.

    On a CPU it computes in float32 (MLX has no bfloat16 GatherMM there), which changes no weight. What the
    source stores quantized stays so, unless the recipe requantizes. No weight is read before `read`.
    Raises UnsuitableBase.
    """

    def __init__(self, folder: Path, name: str, recipe: Recipe, *, text_only: bool = False) -> None:
        self._folder, self.name, self._recipe, self._text_only = folder, name, recipe, text_only
        self.inventory: Inventory
        self.model: nn.Module
        self.modules: dict[str, Any]
        self._load()
        self._dtypes = self._stored_as()

    def _load(self) -> None:
        self.model, self.modules = None, {}  # gives the weights up before they are read again
        model, config = architecture.load(self._folder, self.name)
        senses = {} if self._text_only else kept(config, local_headers(self._folder, self.name))
        self.inventory = inventory(model, config, self.name, senses)
        if self._recipe.requantize:
            dequantize_model(model)
        architecture.cast(model, self._recipe.dtype or self.inventory.dtype)
        if device.on_cpu():
            compute_in_float32(model)
        self.model, self.modules, self._fresh = model, dict(model.named_modules()), True
        self.bytes = sum(value.nbytes for _, value in tree_flatten(model.parameters()))

    def read(self) -> None:
        """Bring all weights into memory. Raises HostError where they do not fit, UnsuitableBase."""
        need, have = self.bytes, device.usable_memory()
        if need > have:
            raise HostError(
                f"{self.name}: to compute with its floats takes {need / 1e9:.1f} GB and {have / 1e9:.1f} GB "
                "of memory are free: take a machine with more"
            )
        with architecture.refusing(self.name):
            mx.eval(self.model.parameters())

    def _stored_as(self) -> dict[str, mx.Dtype]:
        """The float type in which each module's weight is packed."""
        dtype, found = float_type(self._recipe, self.inventory), {}
        for held in self.inventory.parts:
            part = opened(held) if self._recipe.requantize else held
            if part.packs and part.stored is None:
                found[part.path] = MLX_TYPES[cast(part, dtype)[f"{part.path}.weight"].dtype]
        return found

    def weight(self, path: str, quantization: Quantization) -> mx.array:
        """The module's weight after quantization, as the numbers that `mx.quantized_matmul` computes with.

        Scales are widened before they are multiplied, as its kernels do.
        """
        now: mx.array = self.modules[path].weight
        source = now.astype(self._dtypes[path])
        mx.eval(source)
        packed, scales, *biases = pack(source, quantization)
        if quantization.mode == "affine":
            scales, biases = scales.astype(now.dtype), [bias.astype(now.dtype) for bias in biases]
        numbers = mx.dequantize(packed, scales, biases[0] if biases else None, **in_config(quantization))
        mx.eval(numbers := numbers.astype(now.dtype))
        return numbers

    @contextlib.contextmanager
    def changed(self, wanted: Mapping[str, Quantization]) -> Iterator[None]:
        """These modules quantized inside the block, as they were after it."""
        before = {path: self.modules[path].weight for path in wanted}
        try:
            for path, quantization in wanted.items():
                self.modules[path].weight = self.weight(path, quantization)
            yield
        finally:
            for path, weight in before.items():
                self.modules[path].weight = weight

    def become(self, layout: Layout) -> None:
        """Quantize the base as laid out; its floats are not kept, and read again for the next layout."""
        if not self._fresh:
            self._load()
            self.read()
        self._fresh = False
        for fate in layout.fates:
            if fate.quantization is not None and not fate.from_source:
                self.modules[fate.path].weight = self.weight(fate.path, fate.quantization)

    def called(self, forward: Forward, blocks: Sequence[Block]) -> list[str]:
        """The layers that hold blocks, in the order in which the model calls them.

        Nothing where a module has two paths: then a change in one layer shows in others too.
        """
        paths = dict.fromkeys(block.runs_in for block in blocks if block.runs_in in self.modules)
        tuned = [id(self.modules[path]) for block in blocks for path in block.paths]
        if len(set(tuned)) < len(tuned):
            return []
        return forward.called({path: self.modules[path] for path in paths if path is not None})
