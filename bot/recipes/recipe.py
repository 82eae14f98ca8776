"""What a recipe is, and what it decides about one tensor. Pure: no MLX, no files."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

import msgspec

from bot.records import Quantization, Record

WIDTHS = (2, 3, 4, 5, 6, 8)
"""Bits per weight that MLX's affine mode has."""

GROUP_SIZES = (128, 64, 32)
"""Weights per scale that MLX's affine mode has, largest first."""

Mode = Literal["affine", "mxfp4", "mxfp8", "nvfp4"]
FIXED_MODES = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}
"""Bits and group size of the modes that allow only one of each."""


class Layers(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice of layers, counted from 0: every `every`-th from `offset` on; or the first or last few."""

    every: int = 1
    offset: int = 0
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 <= self.offset < self.every:
            raise ValueError("layers: every must be at least 1 and offset from 0 up to every - 1")

    def holds(self, layer: int, n_layers: int) -> bool:
        """True when `layer` of `n_layers` is among them."""
        if self.first is not None and layer < self.first:
            return True
        if self.last is not None and layer >= n_layers - self.last:
            return True
        return self.first is self.last is None and layer % self.every == self.offset


class Rule(Record, frozen=True, kw_only=True):
    """One line of a recipe. `pattern` is searched in the module's path; `wanted` None keeps it as it is.

    Outside `layers`, `otherwise` is wanted where it is given, else the next rules are asked. `tied`
    restricts the rule to models whose embeddings are (or are not) their head. A `required` rule must
    match somewhere in the model, or the recipe does not fit it.
    """

    role: str
    pattern: str
    wanted: Quantization | None = None
    otherwise: Quantization | None = None
    layers: Layers | None = None
    tied: bool | None = None
    required: bool = False

    def matches(self, path: str, layer: int | None, n_layers: int, tied: bool) -> bool:
        """True when this rule decides about the module at `path`."""
        if self.tied is not None and self.tied != tied:
            return False
        if self.otherwise is None and not self._enhanced(layer, n_layers):
            return False
        return re.search(self.pattern, path) is not None

    def gives(self, layer: int | None, n_layers: int) -> Quantization | None:
        """What a module that matches is to become."""
        return self.wanted if self._enhanced(layer, n_layers) else self.otherwise

    def _enhanced(self, layer: int | None, n_layers: int) -> bool:
        return self.layers is None or (layer is not None and self.layers.holds(layer, n_layers))


class Recipe(Record, frozen=True, kw_only=True):
    """Ordered rules under a name. `dtype` casts what stays a float (None: as the base's config says).

    `requantize` also takes up tensors that the source already quantized; otherwise they stay.
    """

    name: str
    rules: tuple[Rule, ...]
    dtype: str | None = None
    requantize: bool = False

    @property
    def hash(self) -> str:
        """sha256 of the canonical content: same hash, same decisions (comments and file names aside)."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def default(self) -> Quantization | None:
        """What the last rule (the data) gives; config.json names it at its top level."""
        return self.rules[-1].wanted


def layer_of(path: str) -> int | None:
    """The layer that a module's path names by its first number, or None (`lm_head`)."""
    found = re.search(r"(?:^|\.)(\d+)(?:\.|$)", path)
    return int(found.group(1)) if found else None


def rule_for(
    recipe: Recipe, path: str, layer: int | None, n_layers: int, *, tied: bool = False
) -> Rule | None:
    """The first rule that decides about `path`, or None: then it is kept."""
    return next((rule for rule in recipe.rules if rule.matches(path, layer, n_layers, tied)), None)


def decide(
    recipe: Recipe, path: str, layer: int | None, n_layers: int, in_dims: int, *, tied: bool = False
) -> Quantization | None:
    """How the weight of the module at `path`, `in_dims` wide, is stored; None keeps it a float.

    `tied`: the model has no head of its own, its embeddings are the head.
    """
    rule = rule_for(recipe, path, layer, n_layers, tied=tied)
    wanted = rule.gives(layer, n_layers) if rule else None
    return fitting(wanted, in_dims) if wanted else None


def fitting(wanted: Quantization, in_dims: int) -> Quantization | None:
    """`wanted`, with the next smaller group size that divides `in_dims`; None where there is none."""
    sizes = [s for s in GROUP_SIZES if s <= wanted.group_size] if wanted.mode == "affine" else []
    for size in (wanted.group_size, *sizes):
        if in_dims % size == 0:
            return msgspec.structs.replace(wanted, group_size=size)
    return None
