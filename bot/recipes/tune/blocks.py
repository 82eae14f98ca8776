"""The modules of a base that share one width, and what each width costs. Pure: no MLX, no files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.errors import UnsuitableBase, UsageError
from bot.recipes.layout import Inventory, Layout, Part, float_type, lay, opened, tensors_of
from bot.recipes.names import parse
from bot.recipes.recipe import WIDTHS, fitting, layer_of, rule_for
from bot.recipes.tune import Block
from bot.records import Quantization, Recipe, Rule

ROUTER = "router"
ANY = "*"
FAMILY = parse("qx64-hi")
"""For the shipped family's words: its roles, and its rule for routers."""


def data_of(like: Recipe) -> Quantization:
    """What `like` gives its data: tuned modules get its group size.

    Raises UsageError for a recipe whose data has no choice of widths.
    """
    data = like.default
    if data is None or data.mode != "affine":
        stored = "stay floats" if data is None else f"are {data.mode}"
        raise UsageError(
            f"--like {like.name}: its data {stored}, so it has no widths to choose: take qx64-hi"
        )
    return data


def routers(like: Recipe) -> tuple[Rule, ...]:
    """The rules for routers, which are not tuned: those of `like`, or else of the shipped family."""
    own = tuple(rule for rule in like.rules if rule.role == ROUTER)
    return own or tuple(rule for rule in FAMILY.rules if rule.role == ROUTER)


def kept(like: Layout, inventory: Inventory) -> tuple[str, ...]:
    """Modules that could be packed and that `like` keeps as floats all the same."""
    floats = {fate.path for fate in like.fates if fate.quantization is None and not fate.note}
    return tuple(part.path for part in inventory.parts if part.path in floats)


def blocks(inventory: Inventory, like: Recipe) -> tuple[Block, ...]:
    """What is tuned, in file order: packable modules of a layer by their parent, each other one by itself.

    Not tuned: routers, what the source stores quantized (unless `like` requantizes), what `like` keeps.
    Raises UnsuitableBase where nothing is left, or as `lay` does.
    """
    parts = _tuned(inventory, like, set(kept(lay(like, inventory), inventory)))
    groups: dict[tuple[str, int | None], list[Part]] = {}
    for part in parts:
        groups.setdefault((_kind(part.path), layer_of(part.path)), []).append(part)
    if not groups:
        raise UnsuitableBase(
            f"{inventory.base}: nothing in it can be given other widths than {like.name} gives"
        )
    patterns = _patterns([part.path for part in parts])
    dtype, group_size = float_type(like, inventory), data_of(like).group_size
    return tuple(
        Block(
            name=kind.rstrip(".").replace("#", str(layer), 1).replace("#", ANY),
            role=_role(kind, held[0].path, inventory),
            pattern=patterns[kind],
            paths=tuple(part.path for part in held),
            bytes={bits: _bytes(held, bits, group_size, dtype) for bits in WIDTHS},
            layer=layer,
            runs_in=None if layer is None else f"{kind.partition('#')[0]}{layer}",
        )
        for (kind, layer), held in groups.items()
    )


def _tuned(inventory: Inventory, like: Recipe, kept: set[str]) -> list[Part]:
    smallest = Quantization(bits=WIDTHS[0], group_size=data_of(like).group_size)
    found = []
    for held in inventory.parts:
        part = opened(held) if like.requantize else held
        if not part.packs or part.stored is not None or part.path in kept:
            continue
        if any(re.search(rule.pattern, part.path) for rule in routers(like)):
            continue
        if fitting(smallest, part.tensors[f"{part.path}.weight"].shape[-1]) is not None:
            found.append(part)
    return found


def _kind(path: str) -> str:
    """The parent's path and a dot, with # for every number; a module that is in no layer is its own kind."""
    numbered = re.sub(r"(?<![^.])\d+(?![^.])", "#", path)
    parent = numbered[: numbered.rfind(".") + 1]
    return parent if "#" in parent else numbered


def _role(kind: str, path: str, inventory: Inventory) -> str:
    """What the shipped family calls such modules; for data, which is all the rest, the parent's own name."""
    rule = rule_for(FAMILY, path, layer_of(path), inventory.n_layers, tied=inventory.tied)
    assert rule is not None  # its last rule takes everything
    return rule.role if rule is not FAMILY.rules[-1] else re.findall(r"[^.#]+", kind)[-1]


def _patterns(paths: Iterable[str]) -> dict[str, str]:
    """For each kind the most readable pattern that finds its modules and no others of `paths`."""
    members: dict[str, set[str]] = {}
    for path in paths:
        members.setdefault(_kind(path), set()).add(path)
    return {kind: _pattern(kind, members) for kind in members}


def _pattern(kind: str, members: Mapping[str, set[str]]) -> str:
    everything = set().union(*members.values())
    inside = _escaped(kind.partition("#.")[2])
    short = (rf"\.{inside}", rf"\.\d+\.{inside}[^.]+$") if inside else ()
    exact = f"^{_escaped(kind)}{'[^.]+' if kind.endswith('.') else ''}$"
    found = (p for p in short if {path for path in everything if re.search(p, path)} == members[kind])
    return next(found, exact)


def _escaped(text: str) -> str:
    return text.replace(".", r"\.").replace("#", r"\d+")


def _bytes(parts: Iterable[Part], bits: int, group_size: int, dtype: str | None) -> int:
    """Of all tensors of the modules, their weights packed at that width."""
    wanted = Quantization(bits=bits, group_size=group_size)
    return sum(
        tensor.nbytes
        for part in parts
        for tensor in tensors_of(
            part, fitting(wanted, part.tensors[f"{part.path}.weight"].shape[-1]), dtype
        ).values()
    )
