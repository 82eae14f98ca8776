"""The built-in recipes: `qx86-hi` -> Recipe.

The grammar is `qxHD[g|n][x][-hi]` with D <= H, `qN[-hi]`, `mxfp4`, `mxfp8`, `nvfp4`, `bf16`. A name gives
the family (the file in `rules/`), the widths for its placeholders H, D, N, G, and the letters that its
`with` and `without` ask about. `files.py` reads people's own recipes, `book.py` finds both by name.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml

from bot.errors import UsageError
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, WIDTHS
from bot.records import Layers, Mode, Quantization, Recipe, Record, Rule

RULES = Path(__file__).parent / "rules"
FORMATS = ("mxfp4", "mxfp8", "nvfp4", "bf16")
_NAME = re.compile(r"qx(?P<H>\d)(?P<D>\d)(?P<letters>[gn]?x?)(?P<hi>-hi)?|q(?P<N>\d)(?P<qhi>-hi)?")


class RuleLine(Record, frozen=True, kw_only=True, rename={"with_": "with"}, forbid_unknown_fields=True):
    """One rule as it stands in a file: widths may be placeholders. No `bits`: kept as it is."""

    role: str
    pattern: str
    bits: int | str | None = None
    otherwise: int | str | None = None
    group_size: int | str = "G"
    mode: Mode = "affine"
    layers: Layers | None = None
    tied: bool | None = None
    required: bool = False
    with_: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class RuleFile(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of `rules/`: a family of recipes."""

    rules: tuple[RuleLine, ...]
    dtype: str | None = None
    requantize: bool = False


@functools.cache
def all_names() -> tuple[str, ...]:
    """Every valid name."""
    hi = ("", "-hi")
    pairs = [(h, d) for h in WIDTHS for d in WIDTHS if d <= h]
    mixed = [
        f"qx{h}{d}{variant}{x}{suffix}"
        for (h, d), variant, x, suffix in itertools.product(pairs, ("", "g", "n"), ("", "x"), hi)
    ]
    return (*mixed, *(f"q{n}{suffix}" for n in WIDTHS for suffix in hi), *FORMATS)


@functools.cache
def parse(name: str) -> Recipe:
    """The recipe of that name. Raises UsageError that names the nearest valid names."""
    if name not in all_names():
        raise unknown(name)
    if name in FORMATS:
        return _recipe(name, RULES / f"{name}.yaml", {}, "")
    found = _NAME.fullmatch(name)
    assert found is not None
    widths = {letter: int(found[letter]) for letter in "HDN" if found[letter]}
    widths["G"] = 32 if found["hi"] or found["qhi"] else 64
    family = "q" if found["N"] else "qx"
    return _recipe(name, RULES / f"{family}.yaml", widths, found["letters"] or "")


def unknown(name: str, own: Iterable[str] = ()) -> UsageError:
    """There is no such recipe: the error names the nearest of the built-in names and of `own`."""
    own = tuple(own)
    if meant := nearest(name, own):
        return UsageError(f"there is no recipe {name[:60]!r}: did you mean {meant}?")
    yours = f"; your own are {', '.join(own[:8])}" if own else ""
    return UsageError(
        f"there is no recipe {name[:60]!r}: names look like qx86-hi, qx64-hi, q8-hi, mxfp4{yours}"
    )


def nearest(name: str, own: Iterable[str] = ()) -> str:
    """The names most like this one, separated by commas; empty where none is."""
    return ", ".join(difflib.get_close_matches(name[:60].lower(), (*own, *all_names()), n=4, cutoff=0.5))


def _recipe(name: str, path: Path, widths: dict[str, int], letters: str) -> Recipe:
    file = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), RuleFile)
    lines = [
        line
        for line in file.rules
        if set(line.with_) <= set(letters) and not set(line.without) & set(letters)
    ]
    rules = tuple(_rule(line, widths) for line in lines)
    return Recipe(name=name, rules=rules, dtype=file.dtype, requantize=file.requantize)


def _rule(line: RuleLine, widths: dict[str, int]) -> Rule:
    return Rule(
        role=line.role,
        pattern=line.pattern,
        wanted=_quantization(line, line.bits, widths),
        otherwise=_quantization(line, line.otherwise, widths),
        layers=line.layers,
        tied=line.tied,
        required=line.required,
    )


def _quantization(line: RuleLine, bits: int | str | None, widths: dict[str, int]) -> Quantization | None:
    if bits is None:
        return None
    width = widths[bits] if isinstance(bits, str) else bits
    group = widths[line.group_size] if isinstance(line.group_size, str) else line.group_size
    affine = line.mode == "affine" and width in WIDTHS and group in GROUP_SIZES
    assert affine or FIXED_MODES.get(line.mode) == (width, group), f"{line.role}: MLX has no such width"
    return Quantization(bits=width, group_size=group, mode=line.mode)
