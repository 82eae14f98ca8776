"""Which characters the pictures' font has."""

from __future__ import annotations

import functools
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

from bot.card.markdown import clean

_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def drawable(text: str) -> str:
    """`text` without what the font lacks: `?` for each such character."""
    known = _characters()
    return "".join(character if ord(character) in known else "?" for character in clean(text))


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(str(_FONT)).get_charmap())
