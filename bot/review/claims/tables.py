"""Tables as they stand in a text: Markdown's, columns of tabs or spaces, or bare rows of numbers."""

from __future__ import annotations

import re
from collections import Counter

from bot.records import Record

WIDEST = 60
"""More columns than this are no table that anybody wrote."""

_GAP = re.compile(r"[ \t]*\t[ \t]*| {2,}")
_RULE = re.compile(r"[\s|:+=]*+-[\s|:+=-]*+")
_NUMBERS = re.compile(r"(?:\s[+\-\u00b1]?\d{0,4}\.\d{1,5}%?){2}")
_NAME_THEN_NUMBER = re.compile(r"([^\d\s][^\n]{0,50}?[A-Za-z0-9)])\s+(?=[+\-\u00b1]?\d{0,4}\.\d)")
_VERSUS = re.compile(r"\S+\s+(?=(?:vs\.?|versus|over|against)\s)", re.IGNORECASE)


class Cell(Record, frozen=True, kw_only=True):
    """One cell; `start` is its offset in the text. `head` of a split header: what it was split off from."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Table(Record, frozen=True, kw_only=True):
    """The header (empty where there is none) and the rows, all of the same width where that was found."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


def is_row(text: str, *, loose: bool = False) -> bool:
    """Whether a line can be a row of a table. `loose`: also words and numbers with single spaces."""
    stripped = text.strip()
    if stripped.count("|") >= 2 or (stripped.startswith("|") and len(stripped) > 2):
        return True
    if "\t" in stripped or len(_GAP.findall(stripped)) >= 2:
        return True
    if _RULE.fullmatch(stripped) and stripped.count("|") >= 1:
        return True
    return loose and len(text) < 400 and _NUMBERS.search(text) is not None and stripped[:1].isalpha()


def table(lines: list[tuple[int, str]]) -> Table:
    """The table of these lines, each with its offset."""
    rows = [cells(start, text) for start, text in lines if not _RULE.fullmatch(text)]
    if not rows:
        return Table(header=(), rows=())
    header, body = rows[0], rows[1:]
    if not body:
        return Table(header=(), rows=(tuple(header),))
    width = Counter(len(row) for row in body).most_common(1)[0][0]
    width = max(width, len(header))
    if width > WIDEST:
        return Table(header=tuple(header), rows=tuple(tuple(row) for row in body))
    return Table(
        header=tuple(widened(header, width)), rows=tuple(tuple(_numbers_apart(row, width)) for row in body)
    )


def cells(start: int, text: str) -> list[Cell]:
    """The cells of one line."""
    if "|" in text:
        return _between_pipes(start, text)
    leading = len(text) - len(text.lstrip())
    found: list[Cell] = [Cell(text="", start=start)] if leading >= 2 else []
    at, end = leading, len(text.rstrip())
    for gap in _GAP.finditer(text, leading, end):
        found.append(Cell(text=text[at : gap.start()], start=start + at))
        at = gap.end()
    if at < end:
        found.append(Cell(text=text[at:end], start=start + at))
    return found


def _between_pipes(start: int, text: str) -> list[Cell]:
    found, at = [], 0
    for part in text.split("|"):
        stripped = part.strip()
        shift = len(part) - len(part.lstrip()) if stripped else 0
        found.append(Cell(text=stripped, start=start + at + shift))
        at += len(part) + 1
    if found and not found[0].text and text.lstrip().startswith("|"):
        found = found[1:]
    if found and not found[-1].text and text.rstrip().endswith("|"):
        found = found[:-1]
    return found


def _numbers_apart(row: list[Cell], width: int) -> list[Cell]:
    """A name and the number after it lie in two cells where the row is short of one."""
    while len(row) < width:
        for index, cell in enumerate(row):
            if found := _NAME_THEN_NUMBER.match(cell.text):
                row = _split(row, index, found.end(1), found.end())
                break
        else:
            return row
    return row


def widened(header: list[Cell], width: int) -> list[Cell]:
    """A header that is short of cells: `A vs. B` holds a score and a difference, `A B` are two names."""
    while len(header) < width:
        for index, cell in enumerate(header):
            if found := _VERSUS.match(cell.text):
                header = _split(header, index, found.end(), found.end())
                break
        else:
            pairs = [i for i, cell in enumerate(header) if len(cell.text.split()) == 2]
            if not pairs:
                return header
            gap = re.search(r"\s+", header[pairs[0]].text)
            assert gap is not None
            header = _split(header, pairs[0], gap.start(), gap.end())
    return header


def _split(row: list[Cell], index: int, end: int, start: int) -> list[Cell]:
    cell = row[index]
    left = Cell(text=cell.text[:end].rstrip(), start=cell.start)
    right = Cell(text=cell.text[start:], start=cell.start + start)
    return [*row[:index], left, right, *row[index + 1 :]]
