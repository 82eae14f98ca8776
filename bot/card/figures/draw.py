"""All pictures of one card, in the order in which the card shows them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.figures import (
    FOLDER,
    WIDTH,
    Figure,
    bits,
    bits_drawing,
    family,
    family_drawing,
    profile,
    profile_drawing,
)
from bot.card.figures.canvas import Draw, light_and_dark


def figures(facts: Facts, board: Board) -> tuple[Figure, ...]:
    """The card's pictures; one whose data are missing is left out. The same facts give the same bytes."""
    return tuple(_figures(facts, board))


def _figures(facts: Facts, board: Board) -> Iterator[Figure]:
    if (shown := family.family(board)) is not None:
        draw: Draw = partial(family_drawing.draw, shown)
        yield _figure("family", family.words(shown), family_drawing.HEIGHT, draw)
    if (scores := profile.profile(board)) is not None:
        draw = partial(profile_drawing.draw, scores)
        yield _figure("profile", profile.words(scores), profile_drawing.height(scores), draw)
    layers = facts.measured.layers if facts.measured else None
    if layers is not None:
        draw = partial(bits_drawing.draw, layers)
        yield _figure("bits", bits.words(layers), bits_drawing.height(layers), draw)


def _figure(name: str, alt: str, height: int, draw: Draw) -> Figure:
    light, dark = light_and_dark(height, draw)
    return Figure(
        name=name,
        path=f"{FOLDER}/{name}-light.png",
        dark_path=f"{FOLDER}/{name}-dark.png",
        alt=alt,
        light=light,
        dark=dark,
        width=WIDTH,
        height=height,
    )
