"""A recipe's rules in words, so that the card says what was done and not what a name suggests."""

from __future__ import annotations

from collections.abc import Iterator

from bot.records import Quantization, Recipe, Rule

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


def is_deckard(recipe: str) -> bool:
    """Whether the name is one of the Deckard(qx) family."""
    return recipe.startswith("qx")


def how_stored(recipe: Recipe) -> tuple[str, ...]:
    """How the recipe stores tensors: a sentence for each role, then the group size, then what is kept."""
    if all(rule.wanted is None for rule in recipe.rules):
        return (f"Nothing is quantized; floats are stored as {recipe.dtype or 'the base has them'}.",)
    tied = next((rule.wanted for rule in recipe.rules if rule.tied), None)
    first = {rule.role: rule for rule in reversed(recipe.rules) if not rule.tied}  # the first rule decides
    roles = sorted(
        first.values(), key=lambda rule: recipe.rules.index(rule) if rule.role != "router" else 999
    )
    already = () if recipe.requantize else (_ALREADY,)
    return (*(_line(rule, tied) for rule in roles), *_group(recipe), _KEPT, *already)


_KEPT = "Norms, biases and other tensors that are no weight matrices are not quantized."
_ALREADY = "What the base itself stores quantized (where it does) stays as it is."


def _line(rule: Rule, tied: Quantization | None) -> str:
    name = _NAMES.get(rule.role, rule.role.capitalize())
    if rule.wanted is None:
        return f"{name}: as the base has it."
    said = _width(rule.wanted)
    if rule.layers is not None:
        every = rule.layers.every
        chosen = f"in one of every {every} layers" if every > 1 else "in the chosen layers"
        rest = f", {_width(rule.otherwise)} in the others" if rule.otherwise else ""
        return f"{name}: {said} {chosen}{rest}."
    if rule.role == "embeddings" and tied is not None and tied != rule.wanted:
        return f"{name}: {said}; {_width(tied)} where they are the output head as well."
    return f"{name}: {said}."


def _width(stored: Quantization) -> str:
    return f"{stored.bits} bits" if stored.mode == "affine" else _FORMATS[stored.mode]


def _group(recipe: Recipe) -> Iterator[str]:
    default = recipe.default
    if default is not None and default.mode == "affine":
        yield f"Group size {default.group_size}: that many weights share one scale and one bias."
