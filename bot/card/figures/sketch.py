"""A card's pictures before they are drawn: which there are, what they show, and that in words.

To see whether a card changes this is enough: drawing takes about a second a card. No matplotlib here.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.card.board import Board
from bot.card.facts import Facts
from bot.card.figures import FOLDER, WIDTH, LayerBits, bits, family, profile
from bot.card.figures.family import Family
from bot.card.figures.profile import Profile
from bot.records import Record


class Sketch(Record, frozen=True, kw_only=True):
    """What `render` asks of a picture. `alt` is plain text, `width` in CSS pixels, as `Figure` has them.

    `shows` is the picture's data: two sketches that are equal are drawn the same.
    """

    name: str
    alt: str
    shows: Family | Profile | LayerBits
    width: int = WIDTH

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.name}-light.png"

    @property
    def dark_path(self) -> str:
        return f"{FOLDER}/{self.name}-dark.png"


def sketches(facts: Facts, board: Board) -> tuple[Sketch, ...]:
    """The card's pictures, in their order; one whose data are missing is left out."""
    return tuple(_sketches(facts, board))


def _sketches(facts: Facts, board: Board) -> Iterator[Sketch]:
    if (shown := family.family(board)) is not None:
        yield Sketch(name="family", alt=family.words(shown), shows=shown)
    if (scores := profile.profile(board)) is not None:
        yield Sketch(name="profile", alt=profile.words(scores), shows=scores)
    if facts.measured is not None and (layers := facts.measured.layers) is not None:
        yield Sketch(name="bits", alt=bits.words(layers), shows=layers)
