"""Draws `family.Family`."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from bot.card.figures import WIDTH
from bot.card.figures.canvas import MARGIN, NORMAL, SMALL, Sheet, numbered, ticks
from bot.card.figures.family import Family, Guide, Point, loss
from bot.card.figures.placing import Box, around, nearest, place

HEIGHT = 470
_LEFT, _TOP, _RIGHT, _BOTTOM = 62, 108, WIDTH - MARGIN, 418
_MARKS = {"subject": ("o", 12.0), "base": ("D", 9.0), "sibling": ("s", 8.0), "rival": ("^", 9.0)}
_MANY = 7
"""From so many points on, labels are names only."""


def draw(shown: Family, sheet: Sheet) -> None:
    """The axes, the limits of the Macs, the points and their labels."""
    kl = shown.measure == "kl"
    what = "KL divergence to the base, nats a token" if kl else "perplexity"
    bars = " Bars: ± 1 standard error." if any(p.stderr is not None for p in shown.points) else ""
    scales = "Both scales are logarithmic." if shown.log else "Sizes on a logarithmic scale."
    macs = "Left of a dashed line, a model fits a Mac with so much memory." if shown.guides else ""
    sheet.heading(
        f"Size on disk and {'KL divergence to the base' if kl else 'perplexity'}",
        (f"Lower is better: {what}.{bars}", f"{macs} {scales}".strip()),
    )
    axes = sheet.axes(_LEFT, _TOP, _RIGHT, _BOTTOM)
    floor = _scale(axes, shown)
    _grid(axes, shown, sheet)
    _guides(axes, shown, sheet)
    low, high = axes.get_ylim()
    top = high if shown.log else low + 0.94 * (high - low)
    at = [(p, floor if p.value is None else min(p.value, top)) for p in shown.points]
    for point, value in reversed(at):
        _mark(axes, point, value, sheet, off=point in shown.off_scale)
    _labels(axes, shown, at, sheet)
    middle = (_LEFT + _RIGHT) / 2
    sheet.write(middle, _BOTTOM + 28, "size on disk, GiB", color=sheet.theme.muted, ha="center", va="top")


def _scale(axes: Axes, shown: Family) -> float:
    """Sets both axes; the value at which a base stands whose own is 0: on a logarithmic axis, its foot."""
    axes.set_xscale("log")
    axes.set_xlim(shown.low, shown.high)
    valued = [p for p in shown.points if p.value is not None and p not in shown.off_scale]
    ends = [end for point in valued for end in _ends(point)]
    low, high = min(ends), max(ends)
    based = any(point.value is None for point in shown.points)
    if shown.log:
        axes.set_yscale("log")
        low = max(low, min(p.value for p in shown.points if p.value is not None) / 3)
        room = (high / low) ** 0.14
        foot = float(low / room ** (2 if based else 1))
        axes.set_ylim(foot, high * room)
        return foot
    room = (high - (0 if based else low)) * 0.14 or high * 0.05
    axes.set_ylim(0 if based else max(0, low - room), high + room)
    return 0.0


def _ends(point: Point) -> tuple[float, float]:
    value, error = point.value or 0.0, point.stderr or 0.0
    return value - error, value + error


def _grid(axes: Axes, shown: Family, sheet: Sheet) -> None:
    low, high = axes.get_ylim()
    values = [value for value in ticks(low, high, log=shown.log) if value >= 0]
    names = [f"{value:.6g}" for value in values] if shown.log else numbered(values)
    if shown.log and any(point.value is None for point in shown.points):
        clear = [at for at, value in enumerate(values) if value > low * (high / low) ** 0.08]
        values, names = [low, *(values[at] for at in clear)], ["0", *(names[at] for at in clear)]
    axes.set_yticks(values, names)
    sizes = ticks(shown.low, shown.high, log=True)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.grid(axis="y", color=sheet.theme.line, linewidth=0.6)
    axes.axhline(low, color=sheet.theme.muted, linewidth=1.6)


def _guides(axes: Axes, shown: Family, sheet: Sheet) -> None:
    """Dashed lines with the Mac's memory on top, on the side of what fits; crowded ones go without."""
    theme, last = sheet.theme, 0.0
    for guide in shown.guides:
        axes.axvline(guide.gib, color=theme.muted, linewidth=1, dashes=(4, 4), zorder=1)
        share = math.log(guide.gib / shown.low) / math.log(shown.high / shown.low)
        x = _LEFT + share * (_RIGHT - _LEFT)
        text = f"{guide.memory} GB"
        wide = 7.5 * len(text)
        if x - wide > last:
            sheet.write(x + 2, _TOP - 6, f"{text} ", size=SMALL, color=theme.ink, ha="right", va="bottom")
            last = x + 4


def _mark(axes: Axes, point: Point, value: float, sheet: Sheet, *, off: bool) -> None:
    marker, size = ("^", 10.0) if off else _MARKS[point.role]
    theme, zorder = sheet.theme, 6 if point.role == "subject" else 4
    color = {"subject": theme.subject, "base": theme.base}.get(point.role, theme.marks[0])
    hollow = point.role == "base"
    if point.stderr is not None and not off:
        error = [[_below(axes, point)], [point.stderr]]
        axes.errorbar(
            [point.gib], [value], yerr=error, fmt="none", ecolor=color, capsize=5, elinewidth=1.6,
            capthick=1.6, zorder=zorder,
        )  # fmt: skip
    axes.plot(
        [point.gib], [value], marker, color=color, markersize=size, markeredgewidth=2 if hollow else 0,
        markerfacecolor=theme.background if hollow else color, zorder=zorder + 1, clip_on=False,
    )  # fmt: skip


def _below(axes: Axes, point: Point) -> float:
    """A bar on a logarithmic axis ends at the axis."""
    value, error = point.value or 0.0, point.stderr or 0.0
    return min(error, value - axes.get_ylim()[0])


def _labels(axes: Axes, shown: Family, at: list[tuple[Point, float]], sheet: Sheet) -> None:
    places = [tuple(axes.transData.transform((point.gib, value))) for point, value in at]
    texts = [_label(shown, point, sheet) for point, _ in at]
    boxes = [text.get_window_extent() for text in texts]
    page = axes.bbox
    taken = [around((x, y), 14) for x, y in places]
    found = place(
        [(float(x), float(y)) for x, y in places],
        [(float(box.width) + 8, float(box.height) + 6) for box in boxes],
        Box(float(page.x0), float(page.y0) + 6, float(page.x1) + 2 * MARGIN - 8, float(page.y1)),
        taken,
        gap=20,
        lines=[_bar(axes, p) for p, _ in at if p.stderr and p not in shown.off_scale],
        avoid=[_line(axes, guide) for guide in shown.guides],
    )
    for (x, y), text, box, (point, _) in zip(places, texts, found, at, strict=True):
        _put(text, box, (float(x), float(y)), point, sheet)


def _label(shown: Family, point: Point, sheet: Sheet) -> Text:
    off = point in shown.off_scale
    value = "" if len(shown.points) >= _MANY and not (off or point.role == "subject") else loss(shown, point)
    mine = point.role == "subject"
    text = sheet.write(
        0, 0, point.name, size=NORMAL if mine else SMALL, color=sheet.theme.subject if mine else "",
        weight="bold" if mine else "normal", ha="center", va="center", linespacing=1.25, zorder=7,
    )  # fmt: skip
    if value:
        text.set_text(f"{text.get_text()}\n{'off the scale: ' if off else ''}{value}")
    return text


def _bar(axes: Axes, point: Point) -> Box:
    low, high = _ends(point)
    x, top = axes.transData.transform((point.gib, high))
    bottom = axes.transData.transform((point.gib, max(low, axes.get_ylim()[0])))[1]
    return Box(float(x) - 9, float(bottom) - 3, float(x) + 9, float(top) + 3)


def _line(axes: Axes, guide: Guide) -> Box:
    x, page = float(axes.transData.transform((guide.gib, 1))[0]), axes.bbox
    return Box(x - 2, float(page.y0), x + 2, float(page.y1))


def _put(text: Text, box: Box | None, point: tuple[float, float], which: Point, sheet: Sheet) -> None:
    """The label in its place over whatever line passes there, and a leader line where it stands far off."""
    if box is None:
        text.remove()
        return
    text.set_transform(None)
    beside = "left" if box.left > point[0] else "right" if box.right < point[0] else "center"
    x = {"left": box.left + 4, "right": box.right - 4, "center": box.middle[0]}[beside]
    text.set(position=(x, box.middle[1]), horizontalalignment=beside, multialignment=beside)
    sheet.drawing.add_artist(
        Rectangle(
            (box.left + 2, box.bottom + 2), box.right - box.left - 4, box.top - box.bottom - 4,
            transform=None, facecolor=sheet.theme.background, edgecolor="none", alpha=0.85, zorder=3,
        )
    )  # fmt: skip
    start = nearest(box, point)
    if math.dist(start, point) > 34:
        sheet.drawing.add_artist(Line2D(*_leader(start, point), color=sheet.theme.muted, transform=None))


def _leader(start: tuple[float, float], point: tuple[float, float]) -> tuple[list[float], list[float]]:
    """From the label to the edge of the mark."""
    share = 1 - 13 / math.dist(start, point)
    end = tuple(a + (b - a) * share for a, b in zip(start, point, strict=True))
    return [start[0], end[0]], [start[1], end[1]]
