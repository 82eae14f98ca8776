"""Pictures for the reader who looks rather than reads. The records are here; `draw.py` makes the pictures.

    facts + board -> draw.figures -> Figure (PNG for light and dark, alt text from the same numbers)

`family.py`, `profile.py` and `bits.py` are one picture each: what it shows as a frozen record, computed
purely, then its drawing and its words. `layer_bits.py` reads off a finished quant what `bits.py` shows.
`canvas.py` and `placing.py` are what they draw with; matplotlib is imported below this package only, and
not by this module, so that facts can name `LayerBits` without it.
"""

from __future__ import annotations

from bot.records import Record

FOLDER = "figures"
"""Where pictures lie in a repo."""

WIDTH = 750
"""CSS pixels: how wide the Hub shows a card."""

MOST_LAYERS = 1000
"""No model comes near; facts from a stranger's repo must not ask for a picture of a million cells."""


class Figure(Record, frozen=True, kw_only=True):
    """One picture of a card. The paths are those inside the repo, the bytes are PNG.

    `alt` says in one or two sentences what the picture shows, with its numbers; it is plain text, not yet
    escaped. `width` and `height` are in CSS pixels: the files have twice as many.
    """

    name: str
    path: str
    dark_path: str
    alt: str
    light: bytes
    dark: bytes
    width: int
    height: int


class BitsRow(Record, frozen=True, kw_only=True):
    """Alike modules over all layers. `bits` is one width a layer, None where the layer has no such module.

    Of modules with several widths it is their mean, weighted by parameters; 16 or 32 is a float. `share` is
    how much of all packable weights they hold, 0 to 1.
    """

    name: str
    bits: tuple[float | None, ...]
    share: float


class BitsCell(Record, frozen=True, kw_only=True):
    """Modules outside the layers, such as the embeddings: their mean width and their share (0 to 1)."""

    name: str
    bits: float
    share: float


class LayerBits(Record, frozen=True, kw_only=True):
    """How many bits a weight has in each layer. `formats` are the ways of packing met, in words.

    Raises ValueError where a row is not as long as there are layers.
    """

    layers: int
    rows: tuple[BitsRow, ...]
    outside: tuple[BitsCell, ...] = ()
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.layers <= MOST_LAYERS:
            raise ValueError(f"{self.layers} layers: 1 to {MOST_LAYERS} can be shown")
        if wrong := next((row for row in self.rows if len(row.bits) != self.layers), None):
            raise ValueError(f"the row {wrong.name[:40]!r} has {len(wrong.bits)} of {self.layers} layers")
