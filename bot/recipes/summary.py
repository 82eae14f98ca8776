"""A layout as people read it: alike modules of all layers in one row, and what is enhanced where. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from bot.recipes.layout import Fate, Layout
from bot.recipes.recipe import layer_of
from bot.records import Quantization, Record


class Row(Record, frozen=True, kw_only=True):
    """Modules that are alike but for their layer: `path` has * for its number. `bytes` of all together."""

    path: str
    role: str
    layers: tuple[int, ...]
    quantization: Quantization | None
    parameters: int
    bytes: int
    notes: tuple[str, ...] = ()


def rows(layout: Layout) -> tuple[Row, ...]:
    """The layout's modules in file order, alike ones together; then the tensors that nothing could pack."""
    groups: dict[tuple[str, str, Quantization | None], list[Fate]] = {}
    for fate in layout.fates:
        groups.setdefault((anywhere(fate.path), fate.role, fate.quantization), []).append(fate)
    packable = tuple(
        Row(
            path=path,
            role=role,
            layers=_layers(fate.path for fate in fates),
            quantization=quantization,
            parameters=sum(fate.parameters for fate in fates),
            bytes=sum(fate.bytes for fate in fates),
            notes=tuple(dict.fromkeys(fate.note for fate in fates if fate.note)),
        )
        for (path, role, quantization), fates in groups.items()
    )
    return (*packable, *_kept(layout))


def _kept(layout: Layout) -> tuple[Row, ...]:
    """Norms, biases of their own, convolutions, vision: everything that stays as it is."""
    paths = {fate.path for fate in layout.fates}
    groups: dict[str, list[str]] = {}
    for name in layout.tensors:
        if name.rpartition(".")[0] not in paths:
            groups.setdefault(anywhere(name), []).append(name)
    return tuple(
        Row(
            path=path,
            role="kept",
            layers=_layers(names),
            quantization=None,
            parameters=sum(layout.tensors[name].size for name in names),
            bytes=sum(layout.tensors[name].nbytes for name in names),
        )
        for path, names in groups.items()
    )


def anywhere(path: str) -> str:
    """The path with * for its layer's number (the first number in it)."""
    return re.sub(r"(^|\.)\d+(\.|$)", r"\1*\2", path, count=1)


def _layers(paths: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted({layer for path in paths if (layer := layer_of(path)) is not None}))


def enhanced_layers(layout: Layout) -> tuple[int, ...]:
    """The layers in which some module has more bits than the recipe's data; routers, always at 8, aside."""
    if layout.default is None:
        return ()
    return _layers(fate.path for fate in layout.fates if _is_enhanced(fate, layout.default))


def enhanced_share(layout: Layout) -> float:
    """The share (0 to 1) of the parameters that have more bits than the recipe's data, routers aside."""
    if layout.default is None:
        return 0.0
    more = [fate.parameters for fate in layout.fates if _is_enhanced(fate, layout.default)]
    return sum(more) / layout.parameters


def _is_enhanced(fate: Fate, data: Quantization) -> bool:
    packed = fate.quantization
    return packed is not None and not fate.from_source and fate.role != "router" and packed.bits > data.bits


def ranges(numbers: Iterable[int]) -> str:
    """Layers in few words: `0-35`, `0, 4, … 32` for every fourth, else each of them."""
    ordered = sorted(numbers)
    steps = {b - a for a, b in itertools.pairwise(ordered)}
    if len(ordered) < 3 or len(steps) > 1:
        return ", ".join(map(str, ordered))
    if steps == {1}:
        return f"{ordered[0]}-{ordered[-1]}"
    return (
        f"{ordered[0]}, {ordered[1]}, … {ordered[-1]}" if len(ordered) > 3 else ", ".join(map(str, ordered))
    )
