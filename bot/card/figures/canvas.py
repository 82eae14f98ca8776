"""What every picture is drawn on: two themes, one font, sizes in CSS pixels, bytes that do not change.

matplotlib's canvas is used without pyplot, which keeps state. A point is one CSS pixel of the card and two
pixels of the file.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from bot.card.figures import WIDTH
from bot.card.figures.glyphs import drawable
from bot.records import Record

SMALL, NORMAL, TITLE = 11, 12, 15
"""CSS pixels of type; nothing is smaller than SMALL."""

MARGIN = 18
_POINTS, _SCALE = 72, 2

_STYLE: dict[str, Any] = {
    "text.parse_math": False,  # a model called $\frac$ is called so
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so every machine has it
    "path.simplify": False,
    "lines.solid_capstyle": "butt",
}
_ONE_AT_A_TIME = threading.Lock()
"""matplotlib's settings belong to the process."""


class Theme(Record, frozen=True, kw_only=True):
    """Colours for one background: the Hub's white or its dark blue. `marks` stay apart for colour-blind
    readers (after Okabe and Ito) and have at least 3:1 against the background, type at least 4.5:1."""

    background: str
    ink: str
    muted: str
    line: str
    band: str
    subject: str
    base: str
    marks: tuple[str, ...]
    widths: tuple[str, ...]


LIGHT = Theme(
    background="#ffffff",
    ink="#1b1f27",
    muted="#5a6270",
    line="#c9ced6",
    band="#f4f6f8",
    subject="#0060a8",
    base="#1b1f27",
    marks=("#c65102", "#00805d", "#a3478a", "#80690a"),
    widths=("#8f8a13", "#4f9a2c", "#1f9880", "#2a7a94", "#3a5a9c", "#4a1f78", "#200a2c"),
)
DARK = Theme(
    background="#0b0f19",
    ink="#eef1f6",
    muted="#a4adbb",
    line="#3a4250",
    band="#131926",
    subject="#5cb8f5",
    base="#eef1f6",
    marks=("#f39c4a", "#35c793", "#e792c6", "#e8dc55"),
    widths=("#6a5aa8", "#4878a8", "#2a8f96", "#27ad81", "#5ec962", "#aadc32", "#fde725"),
)

Draw = Callable[["Sheet"], None]


class Sheet:
    """One picture while it is drawn. `height` in CSS pixels; y runs from the top, as on a page."""

    def __init__(self, theme: Theme, height: int) -> None:
        self.theme, self.height = theme, height
        inches = (WIDTH / _POINTS, height / _POINTS)
        self.drawing = Drawing(figsize=inches, dpi=_POINTS * _SCALE, facecolor=theme.background)
        FigureCanvasAgg(self.drawing)

    def axes(self, left: float, top: float, right: float, bottom: float) -> Axes:
        """A plot between these CSS pixels from the left and from the top; without frame and ticks."""
        box = (
            left / WIDTH,
            1 - bottom / self.height,
            (right - left) / WIDTH,
            (bottom - top) / self.height,
        )
        axes = self.drawing.add_axes(box, facecolor=self.theme.background)
        axes.tick_params(length=0, pad=9, labelsize=SMALL, labelcolor=self.theme.muted)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_axisbelow(True)
        return axes

    def write(
        self, x: float, y: float, text: str, *, size: int = NORMAL, color: str = "", **how: Any
    ) -> Text:
        """Plain text at CSS pixels from the left and the top; its lines are parted by a line feed."""
        shown = "\n".join(drawable(line) for line in text.split("\n"))
        ink = color or self.theme.ink
        return self.drawing.text(x / WIDTH, 1 - y / self.height, shown, fontsize=size, color=ink, **how)

    def heading(self, title: str, lines: Sequence[str]) -> None:
        """The title and what a reader has to know to read the picture."""
        self.write(MARGIN, MARGIN, title, size=TITLE, weight="bold", va="top")
        for at, line in enumerate(lines):
            self.write(MARGIN, MARGIN + 25 + 17 * at, line, color=self.theme.muted, va="top")

    def width_of(self, text: Text) -> float:
        """CSS pixels."""
        return float(text.get_window_extent().width) / _SCALE

    def png(self) -> bytes:
        """The picture, without the version and the date that would make its bytes differ."""
        out = io.BytesIO()
        self.drawing.savefig(out, format="png", metadata={"Software": None})
        return out.getvalue()


def light_and_dark(height: int, draw: Draw) -> tuple[bytes, bytes]:
    """The same drawing in both themes, whatever settings of matplotlib the machine has."""
    pictures = []
    with _settings():
        for theme in (LIGHT, DARK):
            sheet = Sheet(theme, height)
            draw(sheet)
            pictures.append(sheet.png())
    return pictures[0], pictures[1]


@contextmanager
def _settings() -> Iterator[None]:
    with _ONE_AT_A_TIME, matplotlib.style.context(["default", _STYLE]):
        yield


def numbered(values: Sequence[float]) -> list[str]:
    """Numbers of an axis, all with as many decimals as the longest needs."""
    decimals = max((len(f"{value:.6g}".partition(".")[2]) for value in values), default=0)
    return [f"{value:.{decimals}f}" for value in values]


def ticks(low: float, high: float, *, log: bool, most: int = 6) -> list[float]:
    """Round numbers between `low` and `high`, some four to nine of them; on a linear axis `most`."""
    if not log or high / low < 3:
        steps = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(step) for step in steps if low <= step <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 6, 8)):
        found = [step * 10.0**n for n in decades for step in steps if low <= step * 10.0**n <= high]
        if len(found) >= 4:
            break
    return found
