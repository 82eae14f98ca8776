"""A text as it reads, without Markdown's marks, and the way back to the places of the original."""

from __future__ import annotations

import re
from array import array

_SAME_LENGTH = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2212": "-", "\u2010": "-",
        "\u2011": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2248": "~", "\u25b2": "\u2191",
        "\u25bc": "\u2193", "\u279c": "\u2192", "\u27a1": "\u2192", "\u2b06": "\u2191", "\u2b07": "\u2193",
        "\r": " ", "\u2206": "\u0394",
    }
)  # fmt: skip
# Every alternative is anchored at a mark and bounded: linear in the length of the text.
_MARKS = re.compile(
    r"(?P<fence>`{3,}|~{3,})"
    r"|(?P<bullet>(?<=\n)[ \t]{0,12}\*(?=[ \t]))"
    r"|\[(?P<link>[^\[\]\n]{1,200})\]\([^()\s]{0,400}\)"
    r"|(?P<tag></?[A-Za-z][^<>\n]{0,300}>|<!--[^<>]{0,400}-->)"
    r"|\\(?P<escaped>[_*`|#<>\[\]()~.+-])"
    r"|(?P<dash>\u03b2\u20ac\u201d|\u00e2\u20ac\u201d)"
    r"|(?P<quote>\u03b2\u20ac\u2122|\u00e2\u20ac\u2122)"
    r"|(?P<approx>\\approx|&asymp;)|(?P<amp>&amp;)|(?P<nbsp>&nbsp;)"
    r"|(?P<mark>\*{1,3}|`|__|\ufe0f|\u200b)"
)
_REPLACED = {"dash": "\u2014", "quote": "'", "approx": "~", "amp": "&", "nbsp": " ", "mark": "", "tag": " "}


class Plain:
    """`text` is what people read; `origin` says where each of its characters stood."""

    def __init__(self, original: str) -> None:
        self.original = original
        self._offsets = array("L")
        pieces: list[str] = []
        at = 0
        for mark in _MARKS.finditer(original):
            self._keep(pieces, at, mark.start())
            self._replace(pieces, mark)
            at = mark.end()
        self._keep(pieces, at, len(original))
        self._offsets.append(len(original))
        self.text = "".join(pieces).translate(_SAME_LENGTH)

    def _keep(self, pieces: list[str], start: int, end: int) -> None:
        pieces.append(self.original[start:end])
        self._offsets.extend(range(start, end))

    def _replace(self, pieces: list[str], mark: re.Match[str]) -> None:
        kind = mark.lastgroup or ""
        if kind in ("fence", "escaped", "link"):
            return self._keep(pieces, *mark.span(kind))
        if kind == "bullet":
            self._keep(pieces, mark.start(), mark.end() - 1)
            pieces.append("-")
            self._offsets.append(mark.end() - 1)
            return None
        new = _REPLACED[kind]
        pieces.append(new)
        self._offsets.extend([mark.start()] * len(new))
        return None

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that reads as `text[start:end]` (not empty)."""
        first, last = self._offsets[start], self._offsets[end - 1]
        return first, max(first + 1, last + 1)
