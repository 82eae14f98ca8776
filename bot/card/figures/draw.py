"""All pictures of one card, drawn in the order in which the card shows them."""

from __future__ import annotations

from functools import partial

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.figures import Figure, LayerBits, bits_drawing, family_drawing, profile_drawing
from bot.card.figures.canvas import Draw, light_and_dark
from bot.card.figures.family import Family
from bot.card.figures.profile import Profile
from bot.card.figures.sketch import Sketch, sketches


def figures(facts: Facts, board: Board) -> tuple[Figure, ...]:
    """The card's pictures; one whose data are missing is left out. The same facts give the same bytes."""
    return tuple(_figure(sketch) for sketch in sketches(facts, board))


def _figure(sketch: Sketch) -> Figure:
    height, draw = _drawing(sketch.shows)
    light, dark = light_and_dark(height, draw)
    return Figure(
        name=sketch.name,
        path=sketch.path,
        dark_path=sketch.dark_path,
        alt=sketch.alt,
        light=light,
        dark=dark,
        width=sketch.width,
        height=height,
    )


def _drawing(shows: Family | Profile | LayerBits) -> tuple[int, Draw]:
    """The height in CSS pixels, and what draws it."""
    if isinstance(shows, Family):
        return family_drawing.HEIGHT, partial(family_drawing.draw, shows)
    if isinstance(shows, Profile):
        return profile_drawing.height(shows), partial(profile_drawing.draw, shows)
    return bits_drawing.height(shows), partial(bits_drawing.draw, shows)
