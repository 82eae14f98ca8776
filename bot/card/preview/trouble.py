"""A mistake in a template or in the facts, ready to be shown: where it is, what it is, the lines near it."""

from __future__ import annotations

import re
from pathlib import Path

from bot.card.template_folder import SUFFIX
from bot.errors import BotError
from bot.records import Record

AROUND = 3
"""Lines shown before and after the one that is wrong."""

_PLACED = re.compile(r"(?P<file>[^\n]+?):(?P<line>\d+): (?P<sentence>.+)", re.DOTALL)


class SourceLine(Record, frozen=True, kw_only=True):
    """One line of a file. `wrong`: the one that the error names."""

    number: int
    text: str
    wrong: bool = False


class Trouble(Record, frozen=True, kw_only=True):
    """What is wrong now. `file` and `line` where the error names them."""

    sentence: str
    file: str | None = None
    line: int | None = None
    source: tuple[SourceLine, ...] = ()


def trouble(error: BotError, readable: tuple[Path, ...]) -> Trouble:
    """The error in its parts. Lines are shown of `readable` files, and of templates in such a folder."""
    found = _PLACED.fullmatch(str(error))
    if found is None:
        return Trouble(sentence=str(error))
    path, line = Path(found["file"]), int(found["line"])
    shown = around(_text(path, readable), line)
    return Trouble(sentence=found["sentence"], file=short(path), line=line, source=shown)


def around(text: str, line: int) -> tuple[SourceLine, ...]:
    """The lines of a text near `line`, which counts from 1."""
    lines = list(enumerate(text.splitlines(), start=1))[max(0, line - 1 - AROUND) : line + AROUND]
    return tuple(SourceLine(number=number, text=each, wrong=number == line) for number, each in lines)


def short(path: Path) -> str:
    """Relative to the folder one stands in, where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _text(path: Path, readable: tuple[Path, ...]) -> str:
    resolved = path.resolve()
    allowed = {each.resolve() for each in readable}
    below = path.name.endswith(SUFFIX) and any(resolved.is_relative_to(folder) for folder in allowed)
    if resolved not in allowed and not below:
        return ""
    try:
        return resolved.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
