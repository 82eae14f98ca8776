"""The card's metadata block as the box that the page shows beside the card."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import yaml

from bot.card.preview.sanitized import Addresses
from bot.records import Record

_TITLES = {
    "pipeline_tag": "Pipeline tag",
    "library_name": "Library",
    "base_model": "Base model",
    "base_model_relation": "Relation",
    "license": "License",
    "license_name": "License name",
    "license_link": "License text",
    "language": "Languages",
    "new_version": "Newer version",
    "tags": "Tags",
}
"""The fields in the order in which the box shows them; a field that is not here comes last."""

_REPOS = ("base_model", "new_version")


class Entry(Record, frozen=True, kw_only=True):
    """One value of a field, with where it leads."""

    text: str
    url: str | None = None


class Field(Record, frozen=True, kw_only=True):
    """One line of the box. `name` is the field's name in YAML."""

    name: str
    title: str
    entries: tuple[Entry, ...]


def split(card: str) -> tuple[str, str]:
    """The metadata block's YAML and the Markdown after it; no YAML for a text without a block."""
    if not card.startswith("---\n"):
        return "", card
    block, found, body = card[4:].partition("\n---\n")
    return (block, body) if found else ("", card)


def box(block: str, addresses: Addresses) -> tuple[Field, ...]:
    """The block's fields for the page. A block that is no mapping has none."""
    try:
        found: Any = yaml.safe_load(block)
    except yaml.YAMLError:
        return ()
    if not isinstance(found, dict):
        return ()
    order = [*(name for name in _TITLES if name in found), *(name for name in found if name not in _TITLES)]
    return tuple(
        Field(
            name=str(name),
            title=_TITLES.get(name, str(name)),
            entries=tuple(_entry(name, value, addresses) for value in _values(found[name])),
        )
        for name in order
    )


def _values(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _entry(name: str, value: str, addresses: Addresses) -> Entry:
    if name in _REPOS:
        return Entry(text=value, url=f"{addresses.endpoint}/{quote(value)}")
    return Entry(text=value, url=addresses.of("a", value) if name == "license_link" else None)
