"""Facts in, everything the page shows of their card out: HTML, Markdown, metadata box, figures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bot.card.facts import Facts
from bot.card.preview.metadata_box import Field, box, split
from bot.card.preview.sanitized import Addresses, card_html
from bot.card.preview.source import Known
from bot.card.render import Picture, render
from bot.records import Record
from bot.review.review import review


class Figure(Picture, Protocol):
    """A picture with its bytes, for light and for dark pages."""

    @property
    def light(self) -> bytes: ...

    @property
    def dark(self) -> bytes: ...


class Page(Record, frozen=True, kw_only=True):
    """One rendered card. `figures` maps the addresses that its HTML uses to the pictures' bytes."""

    facts: Facts
    text: str
    template: str
    title: str
    html: str
    metadata: tuple[Field, ...]
    figures: Mapping[str, bytes]


def build(known: Known, templates: Path | None, figures: Sequence[Figure] = ()) -> Page:
    """Render and dress one card. Raises ConfigError for a wrong template or for facts that contradict."""
    facts = known.facts
    card = render(facts, review(facts, known.outcomes), templates, figures)
    held = _held(figures)
    addresses = Addresses(
        endpoint=facts.endpoint,
        repo=facts.repo,
        pictures={path: address for path, (address, _) in held.items()},
    )
    block, body = split(card.text)
    return Page(
        facts=facts,
        text=card.text,
        template=card.template,
        title=card.title,
        html=card_html(body, addresses),
        metadata=box(block, addresses),
        figures=dict(held.values()),
    )


def _held(figures: Sequence[Figure]) -> dict[str, tuple[str, bytes]]:
    """By path: the address on this server, which changes with the picture, and its bytes."""
    files = [pair for each in figures for pair in ((each.path, each.light), (each.dark_path, each.dark))]
    return {path: (f"/figures/{hashlib.sha256(data).hexdigest()[:16]}.png", data) for path, data in files}
