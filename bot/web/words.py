"""How the page writes times, sizes and the text of strangers."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

from markupsafe import Markup

from bot.card.numbers import size

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of the text around them (Unicode Standard Annex 9)."""

SHORT_TASKS = {
    "arc_challenge": "ARC-C", "arc_easy": "ARC-E", "boolq": "BoolQ", "hellaswag": "HellaSw",
    "openbookqa": "OBQA", "piqa": "PIQA", "winogrande": "WinoG",
}  # fmt: skip


def shown(value: Any) -> Any:
    """What every expression of a template passes: control and direction marks in text become visible.

    They are written as `⟨U+202E⟩`; line ends and tabs stay. Markup of the page's own stays as it is.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(_visible(character) for character in value)


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    hidden = character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    return f"⟨U+{ord(character):04X}⟩" if hidden else character


def duration(seconds: float | None) -> str:
    """`8 s`, `4 min`, `2 h 5 min`, `3 days`: as exact as is of use."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s" if 0.05 <= seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 36 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{round(minutes / 60)} h"
    return f"{round(minutes / 1440)} days"


def ago(at: float | None, now: float) -> str:
    """`now`, `4 min ago`, `in 26 min`, `never`."""
    if not at:
        return "never"
    passed = now - at
    if abs(passed) < 5:
        return "now"
    return f"{rounded(passed)} ago" if passed > 0 else f"in {rounded(-passed)}"


def rounded(seconds: float) -> str:
    """`duration` with one unit: `2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    for length, unit, most in ((60, "min", 90), (3600, "h", 36)):
        if round(seconds / length) < most:
            return f"{round(seconds / length)} {unit}"
    days = round(seconds / 86_400)
    return "1 day" if days == 1 else f"{days} days"


def hours(seconds: float | None) -> str:
    """`about 2.5 h`, for an estimate; empty without one."""
    if seconds is None:
        return ""
    return f"about {seconds / 3600:.1f} h" if seconds >= 5400 else f"about {max(1, round(seconds / 60))} min"


def clock(at: float | None) -> str:
    """`24 Nov 2026 14:05`, in the time zone of the machine that serves the page."""
    return datetime.fromtimestamp(at).strftime("%d %b %Y %H:%M") if at else ""


def machine_time(at: float | None) -> str:
    """ISO 8601 with the zone, for `<time datetime>`."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds") if at else ""


def bytes_(count: float | None) -> str:
    """`8.3 GiB`; empty for none."""
    return size(int(count)) if count else ""


def short_task(task: str) -> str:
    """A task's name for a narrow column."""
    return SHORT_TASKS.get(task, task)


def many(count: int, one: str, more: str = "") -> str:
    """`1 run`, `2 runs`, `no runs`."""
    word = one if count == 1 else more or f"{one}s"
    return f"{count or 'no'} {word}"
