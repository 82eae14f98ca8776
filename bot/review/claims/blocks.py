"""A plain text as blocks: labels and headings, items, sentences, tables. Code and metadata are left out.

Works on Markdown and on text copied from a rendered page, where headings are short lines and tables are
columns of tabs or spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from bot.records import Record
from bot.review.claims.tables import Table, is_row, table

Kind = Literal["label", "item", "prose", "table"]
LONGEST = 900
"""Characters of a sentence; a longer one is cut, so that hostile text costs no more than plain text."""

_LINE = re.compile(r"[^\n]*")
_ITEM = re.compile(r"[ \t>]*(?:[-+\u2022\u25e6\u2023\u2013\u00b7*]|\d{1,2}[.)])[ \t]+")
_HEADING = re.compile(r"[ \t>]*(#{1,6})[ \t]+")
_GOES_ON = re.compile(r"[ \t>]*[\w\"'(\[+~.-]")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_END = re.compile(
    r"[.!?](?=[\"')\]]{0,3}\s+[\"'(\[]{0,2}[A-Z0-9+\u2191\u2193\u2600-\U0001faff])|;(?=\s)|[\u2705\u274c\U0001f449]"
)
_ABBREVIATIONS = ("vs", "e.g", "i.e", "avg", "approx", "no", "ca", "cf", "etc", "fig", "incl", "resp")


class Block(Record, frozen=True, kw_only=True):
    """`start` and `end` are offsets into the plain text. `level`: of a Markdown heading, else 0."""

    kind: Kind
    start: int
    end: int
    level: int = 0
    paragraph: int = 0
    table: Table | None = None


class _Line(Record, frozen=True, kw_only=True):
    start: int
    end: int
    text: str


def blocks(text: str) -> Iterator[Block]:
    """The blocks in the order of the text."""
    lines = [_Line(start=m.start(), end=m.end(), text=m[0]) for m in _lines(text)]
    at, paragraph = _after_metadata(lines), 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.match(line.text):
            at = _after_fence(lines, at, fence[1][:3])
        elif not line.text.strip():
            at, paragraph = at + 1, paragraph + 1
        elif (until := _table_end(lines, at)) > at:
            rows = [(each.start, each.text) for each in lines[at:until]]
            yield Block(kind="table", start=line.start, end=lines[until - 1].end, table=table(rows))
            at = until
        else:
            until = _joined(lines, at)
            yield from _text_blocks(text, lines[at:until], paragraph)
            at, paragraph = until, paragraph + 1


def _lines(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at <= len(text):
        found = _LINE.match(text, at)
        assert found is not None
        yield found
        at = found.end() + 1


def _after_metadata(lines: list[_Line]) -> int:
    if lines and lines[0].text.strip() == "---":
        for at, line in enumerate(lines[1:200], start=1):
            if line.text.strip() == "---":
                return at + 1
    return 0


def _after_fence(lines: list[_Line], at: int, fence: str) -> int:
    until = at + 1
    while until < len(lines) and not lines[until].text.lstrip(" \t>").startswith(fence):
        until += 1
    return until + 1


def _table_end(lines: list[_Line], at: int) -> int:
    """The line after the table that starts here; `at` itself where none does."""
    until = at
    while until < len(lines) and _may_be_row(lines[until].text):
        until += 1
    rows = until - at
    if rows >= 2 or (rows == 1 and lines[at].text.count("|") >= 3):
        return until
    following = lines[at + 1].text if at + 1 < len(lines) else ""
    if is_row(following, loose=True) and not _ITEM.match(following) and len(lines[at].text) < 400:
        until = at + 1
        while until < len(lines) and is_row(lines[until].text, loose=True):
            until += 1
        return until
    return at


def _may_be_row(text: str) -> bool:
    return is_row(text) and not _ITEM.match(text) and not _HEADING.match(text)


def _joined(lines: list[_Line], at: int) -> int:
    """Lines that were wrapped belong together: a long one without an end, and one that just goes on."""
    until = at + 1
    if _HEADING.match(lines[at].text):
        return until
    while until < len(lines) and until - at < 60:
        last, following = lines[until - 1].text.rstrip(), lines[until].text
        starts_anew = (
            not _GOES_ON.match(following)
            or _ITEM.match(following)
            or _HEADING.match(following)
            or _FENCE.match(following)
        )
        if not following.strip() or starts_anew or is_row(following):
            break
        goes_on = following.lstrip(" \t>")[:1].islower() or last.endswith((",", "and", "or", "the", "of"))
        if last.endswith((".", ":", "!", "?")) or not (goes_on or len(last) >= 60):
            break
        until += 1
    return until


def _text_blocks(text: str, lines: list[_Line], paragraph: int) -> Iterator[Block]:
    start, end = lines[0].start, lines[-1].end
    heading, item = _HEADING.match(lines[0].text), _ITEM.match(lines[0].text)
    whole = text[start:end].rstrip()
    if heading:
        yield Block(kind="label", start=start, end=end, level=len(heading[1]), paragraph=paragraph)
        return
    short = len(lines) == 1 and len(whole) < 110
    if short and not (item and whole[:1] in " \t") and not whole.endswith((".", "!", "?", ",")):
        kind: Kind = "item" if item and not item[0].strip()[:1].isdigit() else "label"
        yield Block(kind=kind, start=start, end=end, paragraph=paragraph)
        return
    for first, last in sentences(text, start, end):
        yield Block(kind="item" if item else "prose", start=first, end=last, paragraph=paragraph)


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences between `start` and `end`, each at most `LONGEST` characters."""
    at = start
    for found in _END.finditer(text, start, end):
        before = text[max(start, found.start() - 8) : found.start()].lower()
        if before.endswith(_ABBREVIATIONS) and found[0] == ".":
            continue
        yield from _cut(at, found.end())
        at = found.end()
    yield from _cut(at, end)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, LONGEST):
        yield at, min(at + LONGEST, end)
