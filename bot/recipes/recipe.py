"""What a recipe decides about one tensor, and what MLX has to offer it. Pure: no MLX, no files."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from bot.records import Layers, Quantization, Recipe, Rule

WIDTHS = (2, 3, 4, 5, 6, 8)
"""Bits per weight that MLX's affine mode has."""

GROUP_SIZES = (128, 64, 32)
"""Weights per scale that MLX's affine mode has, largest first."""

FIXED_MODES = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}
"""Bits and group size of the modes that allow only one of each."""


def placed(recipe: Recipe, paths: Iterable[str]) -> Recipe:
    """The recipe with its periods (`every`) as the layers that they are on a base with modules at `paths`.

    Attention does not stand in every layer of every architecture (in LFM2 in 2, 6, 10, 14, 18 and 21): of
    each run of `every` layers the one at `offset` is taken, or the next in which the pattern is found.
    """
    known = tuple(paths)
    return msgspec.structs.replace(recipe, rules=tuple(_placed(rule, known) for rule in recipe.rules))


def _placed(rule: Rule, paths: tuple[str, ...]) -> Rule:
    layers = rule.layers
    if layers is None or layers.every == 1 or layers.only is not None:
        return rule
    found = {layer_of(path) for path in paths if re.search(rule.pattern, path)} - {None}
    runs: dict[int, list[int]] = {}
    for layer in sorted(layer for layer in found if layer is not None):
        runs.setdefault(layer // layers.every, []).append(layer)
    only = tuple(min(run, key=lambda layer: (layer - layers.offset) % layers.every) for run in runs.values())
    return msgspec.structs.replace(rule, layers=Layers(only=only))


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
