"""A recipe's rules in words, so that the card says what was done and not what a name suggests."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from bot.recipes.names import all_names, parse
from bot.recipes.summary import ranges
from bot.records import Layers, Quantization, Recipe, Rule

_FORMATS = {
    "mxfp4": "mxfp4: 4-bit floating point (E2M1), 32 weights sharing one 8-bit power-of-two scale",
    "mxfp8": "mxfp8: 8-bit floating point (E4M3), 32 weights sharing one 8-bit power-of-two scale",
    "nvfp4": "nvfp4: 4-bit floating point (E2M1), 16 weights sharing one 8-bit floating-point scale",
}
"""The block formats, as the OCP Microscaling specification 1.0 and NVIDIA's NVFP4 define them."""

_NAMES = {
    "router": "Expert routers (in a mixture of experts)",
    "head": "Output head",
    "shared experts": "Shared experts (where there are any)",
    "data": "Data, which is everything else",
}
_FIRST = "Where several of these fit a module, the first decides."
_KEPT = "Norms, biases and other tensors that are no weight matrices are not quantized."
_UNNAMED = "What none of these finds stays a float."
_ALREADY = "What the base itself stores quantized (where it does) stays as it is."


def is_deckard(recipe: str) -> bool:
    """Whether the name is one of the Deckard(qx) family, or tells that it follows one."""
    return recipe.startswith("qx")


def how_stored(recipe: Recipe) -> tuple[str, ...]:
    """How the recipe stores tensors: a sentence for each rule, then the group size, then what is kept."""
    if all(rule.wanted is None and rule.otherwise is None for rule in recipe.rules):
        return (f"Nothing is quantized; floats are stored as {recipe.dtype or 'the base has them'}.",)
    asked = [rule for at, rule in enumerate(recipe.rules) if not _is_never_asked(rule, recipe.rules[:at])]
    tied = {rule.pattern: rule.wanted for rule in asked if rule.tied}
    untied = {rule.pattern for rule in asked if rule.tied is None}
    said = [rule for rule in asked if not (rule.tied and rule.pattern in untied)]
    own = [rule for rule in said if not _is_usual(rule)]
    if not own:
        said.sort(key=lambda rule: rule.role == "router")
    group_size = recipe.default.group_size if recipe.default and recipe.default.mode == "affine" else None
    return (
        *(_line(rule, tied.get(rule.pattern), group_size) for rule in said),
        *((_FIRST,) if own else ()),
        *(
            (f"Group size {group_size}: that many weights share one scale and one bias.",)
            if group_size
            else ()
        ),
        _KEPT,
        *(() if _takes_everything(recipe.rules[-1]) else (_UNNAMED,)),
        *(() if recipe.requantize else (_ALREADY,)),
    )


def _is_never_asked(rule: Rule, before: tuple[Rule, ...]) -> bool:
    """An earlier rule with the same pattern decides wherever this one would."""
    return any(
        earlier.pattern == rule.pattern
        and earlier.tied in (None, rule.tied)
        and (earlier.layers is None or earlier.otherwise is not None)
        for earlier in before
    )


def _takes_everything(rule: Rule) -> bool:
    always = rule.layers is None or rule.otherwise is not None
    return rule.pattern == "" and rule.tied is None and always


def _line(rule: Rule, tied: Quantization | None, group_size: int | None) -> str:
    """`tied` is what the same modules become where they are the head as well."""
    name = _name(rule)
    if rule.wanted is None and rule.otherwise is None:
        return f"{name}: as the base has it{_where(rule.layers)}."
    said = f"{_width(rule.wanted, group_size)}{_where(rule.layers)}"
    if rule.layers is not None and rule.otherwise is not None:
        said += f", {_width(rule.otherwise, group_size)} in the others"
    if rule.tied is None and tied is not None and tied != rule.wanted:
        said += f"; {_width(tied, group_size)} where they are the output head as well"
    return f"{name}: {said}."


def _name(rule: Rule) -> str:
    """The role; with the pattern where that is not what the built-in recipes call so."""
    name = rule.role[:1].upper() + rule.role[1:]
    if _is_usual(rule):
        name = _NAMES.get(rule.role, name)
    elif rule.pattern:
        name += f" (modules named like {rule.pattern})"
    elif _takes_everything(rule):
        name += ", which is everything else"
    if rule.tied is not None:
        name += (
            " where the embeddings are the head" if rule.tied else " where the model has a head of its own"
        )
    return name


def _is_usual(rule: Rule) -> bool:
    """The built-in recipes mean the same modules by this role."""
    known = (rule.role, rule.pattern) in _built_in()
    return known and (rule.pattern != "" or _takes_everything(rule))


@functools.cache
def _built_in() -> frozenset[tuple[str, str]]:
    """What the built-in recipes call their modules: roles and patterns."""
    return frozenset((rule.role, rule.pattern) for name in all_names() for rule in parse(name).rules)


def _width(stored: Quantization | None, group_size: int | None) -> str:
    """`group_size` is what goes without saying."""
    if stored is None:
        return "as the base has it"
    if stored.mode != "affine":
        return _FORMATS[stored.mode]
    groups = "" if stored.group_size == group_size else f" in groups of {stored.group_size}"
    return f"{stored.bits} bits{groups}"


def _where(layers: Layers | None) -> str:
    if layers is None:
        return ""
    if layers.only is not None:
        return f" in {'layer' if len(layers.only) == 1 else 'layers'} {ranges(layers.only)}"
    if ends := [*_end("first", layers.first), *_end("last", layers.last)]:
        return f" in the {' and the '.join(ends)}"
    if layers.every == 1:
        return " in all layers"
    phase = f" (number {layers.offset}, counted from 0)" if layers.offset else ""
    return f" in one of every {layers.every} layers{phase}"


def _end(which: str, n: int | None) -> Iterator[str]:
    if n is not None:
        yield f"{which} layer" if n == 1 else f"{which} {n} layers"
