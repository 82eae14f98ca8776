"""The card as files: README.md and the figures it shows, in a quant's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.card.board import board
from bot.card.facts import Facts
from bot.card.figures import FOLDER
from bot.card.render import render
from bot.records import Card, Review


def write(folder: Path, facts: Facts, review: Review, templates: Path | None) -> Card:
    """Render the card and draw its figures; figures of an older card go. Raises ConfigError as `render`."""
    from bot.card.figures.draw import figures  # a second of imports, for those alone who draw

    pictures = figures(facts, board(facts))
    card = render(facts, review, templates, pictures)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    for picture in pictures:
        for path, data in ((picture.path, picture.light), (picture.dark_path, picture.dark)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    (folder / "README.md").write_text(card.text, encoding="utf-8")
    return card
