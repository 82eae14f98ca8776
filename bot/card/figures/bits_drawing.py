"""Draws `LayerBits`: cells coloured by width, with the number where there is room for it."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from bot.card.figures import WIDTH, BitsRow, LayerBits
from bot.card.figures.bits import number, runs, share, widths
from bot.card.figures.canvas import MARGIN, SMALL, Sheet, Theme
from bot.card.figures.plain import short

_LEFT, _RIGHT = 168, WIDTH - 104
_TOP, _ROW, _GAP, _FOOT = 108, 30, 6, 32
_CELL = 58
"""CSS pixels of a cell outside the layers."""

_STEPS = (2, 3, 4, 5, 6, 8, 16)
"""Bits of the theme's colours, one each."""


def height(shown: LayerBits) -> int:
    """CSS pixels of the whole picture."""
    outside = _GAP + _ROW * len(shown.outside) if shown.outside else 0
    return _TOP + _ROW * len(shown.rows) + _FOOT + outside + 10


def draw(shown: LayerBits, sheet: Sheet) -> None:
    """The rows over the layers' numbers, then what stands outside the layers."""
    how = f" Packed: {', '.join(short(text, 30) for text in shown.formats[:4])}." if shown.formats else ""
    sheet.heading("Bits per weight in each layer", (f"One column a layer, first layer left.{how}",))
    _legend(shown, sheet)
    bottom = _TOP + _ROW * len(shown.rows)
    axes = sheet.axes(_LEFT, _TOP, _RIGHT, bottom)
    axes.set_xlim(0, shown.layers)
    axes.set_ylim(len(shown.rows), 0)
    for at, row in enumerate(shown.rows):
        _row(axes, row, at, shown.layers, sheet)
        _sides(row.name, row.share, _TOP + _ROW * (at + 0.5), sheet)
    axes.set_yticks([])
    every = next((n for n in (1, 2, 4, 8, 16, 32, 64) if shown.layers / n <= 16), 128)
    numbers = range(0, shown.layers, every)
    axes.set_xticks([n + 0.5 for n in numbers], [str(n) for n in numbers])
    sheet.write(MARGIN, bottom + 8, "layer", size=SMALL, color=sheet.theme.muted, va="top")
    sheet.write(
        WIDTH - MARGIN, _TOP - 8, "of weights", size=SMALL, color=sheet.theme.muted, ha="right", va="bottom"
    )
    _outside(shown, bottom + _FOOT + _GAP, sheet)


def _row(axes: Axes, row: BitsRow, at: int, layers: int, sheet: Sheet) -> None:
    """Alike layers that touch are one block with one number; cells are parted where they are wide."""
    theme, wide = sheet.theme, (_RIGHT - _LEFT) / layers
    edge = min(1.0, wide / 6)
    axes.add_patch(Rectangle((0, at + 0.06), layers, 0.88, facecolor=theme.band, edgecolor="none"))
    for run in runs(row):
        count, text, face = run.last + 1 - run.first, number(run.bits), colour(run.bits, theme)
        axes.add_patch(
            Rectangle(
                (run.first, at + 0.06),
                count,
                0.88,
                facecolor=face,
                edgecolor=theme.background,
                linewidth=edge,
            )
        )
        room = 7.4 * len(text) + 1
        middle = (run.first + run.last + 1) / 2
        if wide >= room:
            lines = range(run.first + 1, run.last + 1)
            axes.vlines(lines, at + 0.06, at + 0.94, color=theme.background, linewidth=edge / 2, alpha=0.6)
            middle = (run.first + run.last) // 2 + 0.5
        if wide * count >= room:
            _number(text, _LEFT + wide * middle, _TOP + _ROW * (at + 0.5), run.bits, sheet)


def _number(text: str, x: float, y: float, bits: float, sheet: Sheet) -> None:
    ink = readable_on(colour(bits, sheet.theme))
    sheet.write(x, y, text, size=SMALL, color=ink, ha="center", va="center_baseline")


def _sides(name: str, part: float, y: float, sheet: Sheet) -> None:
    sheet.write(MARGIN, y, short(name, 21), size=SMALL, va="center")
    sheet.write(WIDTH - MARGIN, y, share(part), size=SMALL, color=sheet.theme.muted, ha="right", va="center")


def _outside(shown: LayerBits, top: float, sheet: Sheet) -> None:
    if not shown.outside:
        return
    axes = sheet.axes(_LEFT, top, _LEFT + _CELL, top + _ROW * len(shown.outside))
    axes.set(xlim=(0, 1), ylim=(len(shown.outside), 0), xticks=[], yticks=[])
    for at, cell in enumerate(shown.outside):
        axes.add_patch(
            Rectangle((0, at + 0.06), 1, 0.88, facecolor=colour(cell.bits, sheet.theme), edgecolor="none")
        )
        y = top + _ROW * (at + 0.5)
        _number(number(cell.bits), _LEFT + _CELL / 2, y, cell.bits, sheet)
        _sides(cell.name, cell.share, y, sheet)


def _legend(shown: LayerBits, sheet: Sheet) -> None:
    """Every width that occurs, but for means: those are numbers between."""
    x, y = float(_LEFT), 84.0
    for bits in (n for n in widths(shown) if n == int(n)):
        sheet.drawing.add_artist(
            Rectangle(
                (x / WIDTH, 1 - (y + 7) / sheet.height), 14 / WIDTH, 14 / sheet.height,
                transform=sheet.drawing.transFigure, facecolor=colour(bits, sheet.theme), edgecolor="none",
            )
        )  # fmt: skip
        name = f"{number(bits)} bits" if bits < 16 else f"{number(bits)} bits, not packed"
        text = sheet.write(x + 20, y, name, size=SMALL, va="center_baseline")
        x += 20 + sheet.width_of(text) + 20


def colour(bits: float, theme: Theme) -> str:
    """The colour of the nearest width that has one."""
    return theme.widths[min(range(len(_STEPS)), key=lambda at: abs(_STEPS[at] - bits))]


def readable_on(face: str) -> str:
    """Black or white, whichever contrasts more (WCAG 2.2, relative luminance)."""
    return "#ffffff" if luminance(face) < 0.179 else "#000000"


def luminance(face: str) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(face)]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
