"""How config.json says that weights are stored, whoever wrote it. Pure; what makes no sense is left out."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.adopt.adopted import RecipeGuess, Stored
from bot.recipes.names import all_names, parse
from bot.records import Quantization

_MODES = ("affine", "mxfp4", "mxfp8", "nvfp4")
DEFAULT_GROUP = 64
"""mlx-lm's group size where config.json names none."""


def stored(config: bytes | None) -> Stored | None:
    """What `quantization` says; a Stored without bits for weights that are not quantized. None: no config
    that can be read."""
    try:
        data = msgspec.json.decode(config, type=dict[str, Any]) if config else None
    except (msgspec.DecodeError, RecursionError):
        return None
    if data is None:
        return None
    found = data.get("quantization")
    if not isinstance(found, dict):
        return Stored()
    mode = found.get("mode", "affine")
    return Stored(
        bits=_whole(found.get("bits"), 2, 8),
        group_size=_whole(found.get("group_size", DEFAULT_GROUP), 1, 1024),
        mode=mode if mode in _MODES else "",
        overrides=sum(isinstance(value, dict) for value in found.values()),
    )


def in_words(found: Stored) -> str:
    """`4 bits in groups of 64`."""
    if found.bits is None:
        return "that it is not quantized"
    words = f"{found.bits} bits in groups of {found.group_size}"
    words += "" if found.mode in ("", "affine") else f" ({found.mode})"
    return f"{words}, {found.overrides} modules otherwise" if found.overrides else words


def _whole(value: object, low: int, high: int) -> int | None:
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and low <= value <= high else None  # type: ignore[operator,return-value]


def settled(guess: RecipeGuess, found: Stored | None) -> RecipeGuess:
    """The guess of the name held against config.json: agreed, contradicted, or made from config alone."""
    if found is None:
        return guess
    if guess.built_in:
        told = "certain" if _agrees(parse(guess.name).default, found) else "contradicted"
        return msgspec.structs.replace(guess, confidence=told)
    if guess.name:
        return guess
    alone = _of(found)
    return RecipeGuess(name=alone, confidence="likely", built_in=True) if alone else guess


def _agrees(wanted: Quantization | None, found: Stored) -> bool:
    if wanted is None or found.bits is None:
        return wanted is None and found.bits is None
    return (wanted.bits, wanted.group_size, wanted.mode) == (found.bits, found.group_size, found.mode)


def _of(found: Stored) -> str:
    """The plain recipe that stores all weights so; empty where widths are mixed or no recipe does."""
    if found.bits is None or found.overrides:
        return ""
    if found.mode != "affine":
        return found.mode
    name = {64: f"q{found.bits}", 32: f"q{found.bits}-hi"}.get(found.group_size or 0, "")
    return name if name in all_names() else ""
