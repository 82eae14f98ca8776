"""A choice of widths as a recipe: rules that people can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bot.recipes.layout import Inventory, lay
from bot.recipes.recipe import layer_of
from bot.recipes.tune import Block
from bot.recipes.tune.blocks import data_of, kept, routers
from bot.records import Layers, Quantization, Recipe, Rule


def composed(
    name: str, like: Recipe, inventory: Inventory, blocks: Sequence[Block], bits: Sequence[int]
) -> Recipe:
    """The recipe that gives each block its width, and everything else what `like` gives it."""
    data = data_of(like)
    rules = (
        *routers(like),
        *_floats(kept(lay(like, inventory), inventory)),
        *_widths(blocks, bits, data.group_size),
        Rule(role="data", pattern="", wanted=data),
    )
    about = f"Widths measured on {inventory.base}, block by block; routers and group size as in {like.name}."
    return Recipe(name=name, rules=rules, dtype=like.dtype, requantize=like.requantize, about=about)


def _floats(paths: Iterable[str]) -> Iterator[Rule]:
    """What `like` keeps, module by module, alike ones of all layers in one rule."""
    alike: dict[str, list[int]] = {}
    for path in paths:
        pattern = re.sub(r"(^|\\\.)\d+(\\\.|$)", r"\1\\d+\2", path.replace(".", r"\."), count=1)
        alike.setdefault(pattern, []).extend(layer for layer in [layer_of(path)] if layer is not None)
    for pattern, layers in alike.items():
        only = Layers(only=tuple(layers)) if layers else None
        yield Rule(role="kept", pattern=f"^{pattern}$", layers=only)


def _widths(blocks: Sequence[Block], bits: Sequence[int], group_size: int) -> Iterator[Rule]:
    """A rule for each kind of block and width, widest first; layers are named where they differ."""
    kinds: dict[str, dict[int, list[Block]]] = {}
    for block, width in zip(blocks, bits, strict=True):
        kinds.setdefault(block.pattern, {}).setdefault(width, []).append(block)
    for pattern, widths in kinds.items():
        for width in sorted(widths, reverse=True):
            held = widths[width]
            layers = tuple(block.layer for block in held if block.layer is not None)
            yield Rule(
                role=held[0].role,
                pattern=pattern,
                wanted=Quantization(bits=width, group_size=group_size),
                layers=Layers(only=layers) if layers and len(widths) > 1 else None,
            )
