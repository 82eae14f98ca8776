"""What may stand in a person's recipe file: its records, and words that refuse what they cannot be.

The words read themselves from text as those of the watchlist do (`parse`, see `bot/yaml_lines.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bot.recipes import patterns
from bot.recipes.names import all_names, nearest
from bot.recipes.recipe import FIXED_MODES, GROUP_SIZES, WIDTHS
from bot.records import Layers, Mode, Record

MOST_RULES = 500
"""`re` keeps 512 patterns compiled; with more it would compile each anew for every module."""

_COUNT = Annotated[int, Meta(ge=1, le=10_000)]
_INDEX = Annotated[int, Meta(ge=0, le=10_000)]


class Role(str):
    """What a rule is about, in a word or two; it stands on the card."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Role:
        if not text.strip() or not text.isprintable() or len(text) > 300:
            raise ValueError(f"{text[:40]!r} is no role; say in a word or two what the rule is about")
        return cls(text)


class Bits(int):
    """A width that MLX has."""

    @classmethod
    def parse(cls, text: str) -> Bits:
        return cls(_one_of(text, WIDTHS, "width"))


class GroupSize(int):
    """Weights per scale, in any of MLX's modes."""

    @classmethod
    def parse(cls, text: str) -> GroupSize:
        sizes = {*GROUP_SIZES, *(size for _, size in FIXED_MODES.values())}
        return cls(_one_of(text, sorted(sizes), "group size"))


class Pattern(str):
    """A regular expression, searched in a module's path."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Pattern:
        if said := patterns.mistake(text):
            raise ValueError(said)
        return cls(text)


class BuiltIn(str):
    """The name of a built-in recipe."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> BuiltIn:
        if text not in all_names():
            meant = nearest(text)
            raise ValueError(
                f"{text[:60]!r} is no built-in recipe, and only those can be followed; "
                + (f"did you mean {meant}?" if meant else "write one such as qx86-hi")
            )
        return cls(text)


class Choice(Record, frozen=True, kw_only=True):
    """Layers, counted from 0: `only` these; the `first` or `last` few; every `every`-th from `offset` on."""

    every: _COUNT | UnsetType = UNSET
    offset: _INDEX | UnsetType = UNSET
    first: _COUNT | UnsetType = UNSET
    last: _COUNT | UnsetType = UNSET
    only: Annotated[tuple[_INDEX, ...], Meta(min_length=1)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        ways = (("every", "offset"), ("first", "last"), ("only",))
        if sum(any(getattr(self, key) is not UNSET for key in way) for way in ways) != 1:
            raise ValueError(
                "this is no choice of layers; write `every` (and `offset`), or `first` and `last`, or `only`"
            )
        if (self.offset or 0) >= (self.every or 1):
            raise ValueError(f"offset {self.offset} is out of reach; write one from 0 up to every - 1")

    def layers(self) -> Layers:
        """As a rule holds them."""
        said = {key: getattr(self, key) for key in self.__struct_fields__}
        return Layers(**{key: value for key, value in said.items() if value is not UNSET})


class OwnRule(Record, frozen=True, kw_only=True):
    """One rule of a person's file. No `bits`: what it finds stays a float."""

    role: Role
    pattern: Pattern
    bits: Bits | UnsetType = UNSET
    otherwise: Bits | UnsetType = UNSET
    group_size: GroupSize | UnsetType = UNSET
    mode: Mode = "affine"
    layers: Choice | UnsetType = UNSET
    tied: bool | UnsetType = UNSET
    required: bool = False


class OwnFile(Record, frozen=True, kw_only=True):
    """A person's file."""

    about: Annotated[str, Meta(max_length=2000)] = ""
    like: BuiltIn | UnsetType = UNSET
    dtype: Literal["bfloat16", "float16", "float32"] | UnsetType = UNSET
    requantize: bool | UnsetType = UNSET
    rules: Annotated[tuple[OwnRule, ...], Meta(max_length=MOST_RULES)] = ()


def _one_of(text: str, choices: Sequence[int], what: str) -> int:
    if text not in map(str, choices):
        letter = " (letters are for the built-in families)" if text in ("H", "D", "N", "G") else ""
        raise ValueError(f"{text[:40]!r} is no {what} that MLX has{letter}; write {listed(choices)}")
    return int(text)


def listed(choices: Sequence[int]) -> str:
    """`2, 3 or 4`."""
    *some, last = map(str, sorted(choices))
    return f"{', '.join(some)} or {last}" if some else last
