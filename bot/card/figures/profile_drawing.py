"""Draws `profile.Profile`."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bot.card.figures import WIDTH
from bot.card.figures.canvas import MARGIN, NORMAL, SMALL, Sheet, Theme, numbered, ticks
from bot.card.figures.profile import Profile, TaskRow, score

_LEFT, _RIGHT = 152, WIDTH - 138
_TOP, _LEGEND_LINE, _FOOT = 66, 20, 40
_MARKS = (("o", 10.0), ("s", 7.0), ("^", 8.5), ("v", 8.5), ("X", 8.5))
_BASE_MARK = ("D", 7.0)


def _pitch(shown: Profile) -> int:
    """CSS pixels from one task to the next."""
    return 18 + 13 * max(2, len(shown.names))


def height(shown: Profile) -> int:
    """CSS pixels of the whole picture; names that do not fit one line of the legend take more of them."""
    return _TOP + _LEGEND_LINE * len(_legend_lines(shown)) + 14 + _pitch(shown) * len(shown.rows) + _FOOT


def _legend_lines(shown: Profile) -> list[list[int]]:
    """Which models stand in which line; -1 is the mark of chance. By characters, with room to spare."""
    lines: list[list[int]] = [[]]
    used = 0.0
    known = any(row.chance is not None for row in shown.rows)
    for at in (*range(len(shown.names)), *([-1] if known else [])):
        wide = _legend_width(shown, at)
        if lines[-1] and used + wide > WIDTH - 2 * MARGIN:
            lines.append([])
            used = 0
        lines[-1].append(at)
        used += wide
    return lines


def _legend_width(shown: Profile, at: int) -> float:
    return 34 + (60 if at < 0 else (8.4 if at == 0 else 6.9) * len(shown.names[at]) + (100 if at == 0 else 0))


def draw(shown: Profile, sheet: Sheet) -> None:
    """Title and legend, then a band a task with its marks and this quant's score at the right."""
    bars = "Bars: 95 % intervals." if shown.has_intervals else "Published without errors: no intervals."
    sheet.heading("Score on each task", (f"Share of right answers, further right is better. {bars}",))
    _legend(shown, sheet)
    top = _TOP + _LEGEND_LINE * len(_legend_lines(shown)) + 14
    bottom = top + _pitch(shown) * len(shown.rows)
    axes = sheet.axes(_LEFT, top, _RIGHT, bottom)
    low, high = _ends(shown)
    axes.set_xlim(low, high)
    axes.set_ylim(len(shown.rows) - 0.5, -0.5)
    values = ticks(low, high, log=False, most=9)
    axes.set_xticks(values, numbered(values))
    axes.set_yticks([])
    axes.grid(axis="x", color=sheet.theme.line, linewidth=0.6)
    for at, row in enumerate(shown.rows):
        _band(axes, shown, at, sheet.theme)
        _row(axes, shown, row, at, sheet)


def _ends(shown: Profile) -> tuple[float, float]:
    """The axis: all marks, intervals and chances, with some room, within 0 and 1."""
    reaches = [(m.value, m.reach or 0) for row in shown.rows for m in row.marks]
    chances = [row.chance for row in shown.rows if row.chance is not None]
    low = min(*(value - reach for value, reach in reaches), *chances, 1)
    high = max(*(value + reach for value, reach in reaches), *chances, 0)
    room = max(0.04 * (high - low), 0.01)
    return max(-0.01, low - room), min(1.01, high + room)


def _band(axes: Axes, shown: Profile, at: int, theme: Theme) -> None:
    if at % 2 == 0:
        across = (-_LEFT + MARGIN) / (_RIGHT - _LEFT), (WIDTH - MARGIN - _LEFT) / (_RIGHT - _LEFT)
        axes.axhspan(
            at - 0.5, at + 0.5, *across, facecolor=theme.band, edgecolor="none", zorder=-2, clip_on=False
        )


def _row(axes: Axes, shown: Profile, row: TaskRow, at: int, sheet: Sheet) -> None:
    theme = sheet.theme
    top = _TOP + _LEGEND_LINE * len(_legend_lines(shown)) + 14 + _pitch(shown) * (at + 0.5)
    color = theme.muted if row.silent else theme.ink
    up = 7 if row.silent else 0
    sheet.write(MARGIN + 8, top - up, row.title, color=color, va="center")
    if row.silent:
        sheet.write(MARGIN + 8, top + 9, "says nothing here", size=SMALL, color=color, va="center")
    if row.chance is not None:
        axes.plot([row.chance, row.chance], [at - 0.36, at + 0.36], color=theme.muted, linewidth=2, zorder=2)
    for mark in row.marks:
        y = at + (mark.model - (len(shown.names) - 1) / 2) * 13 / _pitch(shown)
        shape, size, plain = _look(shown, mark.model, theme)
        shade = theme.muted if row.silent else plain
        hollow = shown.roles[mark.model] == "base"
        if mark.reach is not None:
            axes.plot([mark.value - mark.reach, mark.value + mark.reach], [y, y], color=shade, linewidth=1.6)
        axes.plot(
            [mark.value], [y], shape, color=shade, markersize=size, markeredgewidth=1.8 if hollow else 0,
            markerfacecolor=theme.background if hollow else shade, zorder=6 if mark.model == 0 else 4,
        )  # fmt: skip
    mine = next(mark for mark in row.marks if mark.model == 0)
    sheet.write(
        WIDTH - MARGIN - 8, top, score(mine), color=theme.muted if row.silent else theme.subject,
        weight="bold", ha="right", va="center",
    )  # fmt: skip


def _look(shown: Profile, at: int, theme: Theme) -> tuple[str, float, str]:
    """Mark, size and colour of a model."""
    if at == 0:
        return *_MARKS[0], theme.subject
    if shown.roles[at] == "base":
        return *_BASE_MARK, theme.base
    before = sum(role != "base" for role in shown.roles[1:at])
    return *_MARKS[1 + before % 4], theme.marks[before % 4]


def _legend(shown: Profile, sheet: Sheet) -> None:
    for at, line in enumerate(_legend_lines(shown)):
        x, y = float(MARGIN), _TOP + _LEGEND_LINE * (at + 0.5)
        for model in line:
            _key(shown, model, x + 6, y, sheet)
            mine = model == 0
            name = "chance" if model < 0 else shown.names[model] + (" (this quant)" if mine else "")
            text = sheet.write(
                x + 20, y, name, size=NORMAL if mine else SMALL, weight="bold" if mine else "normal",
                color=sheet.theme.subject if mine else "", va="center",
            )  # fmt: skip
            x += 20 + sheet.width_of(text) + 18


def _key(shown: Profile, model: int, x: float, y: float, sheet: Sheet) -> None:
    theme = sheet.theme
    shape, size, color = ("|", 13.0, theme.muted) if model < 0 else _look(shown, model, theme)
    hollow = model > 0 and shown.roles[model] == "base"
    sheet.drawing.add_artist(
        Line2D(
            [x / WIDTH], [1 - y / sheet.height], transform=sheet.drawing.transFigure, linestyle="none",
            marker=shape, markersize=size, markerfacecolor=theme.background if hollow else color,
            markeredgecolor=color, markeredgewidth=2 if hollow or model < 0 else 0,
        )
    )  # fmt: skip
