"""Advisories: which versions of which tool gave numbers or weights that are not to be relied on. Data, with
the source of each; the bot's own list and, beside the watchlist, the publisher's `advisories.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from bot.errors import ConfigError
from bot.records import Record
from bot.yaml_lines import load

OWN = Path(__file__).with_name("advisories.yaml")
NAME = "advisories.yaml"


class Advisory(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One advisory. `tool`: its distribution's name, as versions in a manifest name it; `versions`: a range
    such as `<0.32` (https://packaging.python.org/specifications/version-specifiers/); `what` is wrong, and
    `source` says where that is written. `touches`: the numbers, or the weights too."""

    tool: str
    versions: str
    what: str
    source: str
    touches: Literal["numbers", "weights"] = "numbers"

    def __post_init__(self) -> None:
        try:
            SpecifierSet(self.versions)
        except InvalidSpecifier:
            raise ValueError(
                f"{self.versions[:60]!r} is no range of versions; write '<0.32' or '>=0.30,<0.32'"
            ) from None


class _File(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    advisories: tuple[Advisory, ...] = ()


def advisories(watchlist: Path) -> tuple[Advisory, ...]:
    """The bot's own and, where there is one, those of `advisories.yaml` beside the watchlist.

    Raises ConfigError for a mistake in it, with file and line.
    """
    yours = watchlist.absolute().parent / NAME
    files = (OWN, yours) if yours.is_file() else (OWN,)
    return tuple(advisory for file in files for advisory in load(file, _File).advisories)


def specifiers(written: str) -> SpecifierSet:
    """A range of versions. Raises ConfigError."""
    try:
        return SpecifierSet(written, prereleases=True)
    except InvalidSpecifier:
        raise ConfigError(
            f"{written[:60]!r} is no range of versions: write '<0.32' or '>=0.30,<0.32'"
        ) from None


def matches(versions: Mapping[str, str], tool: str, written: str) -> bool:
    """Whether the tool's version is in the range. A version that is not known, or is none, is not."""
    found = versions.get(tool)
    if found is None:
        return False
    try:
        return Version(found) in specifiers(written)
    except InvalidVersion:
        return False


def against(
    measured: Mapping[str, str], made: Mapping[str, str], known: Iterable[Advisory]
) -> tuple[Advisory, ...]:
    """The advisories that a quant falls under: about numbers by what measured it, about weights by what
    made it."""
    return tuple(
        each
        for each in known
        if matches(made if each.touches == "weights" else measured, each.tool, each.versions)
    )
