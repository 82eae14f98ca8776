"""Text that stays text: what a Jinja expression prints is escaped unless it is already `Markdown`.

Names, tags and licenses come from upstream and may hold HTML, Markdown, Jinja or
characters that reorder a line. CommonMark promises that a numeric character
reference never acts as structure (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references),
so active characters become references: inert in paragraphs, table cells and HTML alike.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from typing import Any
from urllib.parse import quote

MAX_LENGTH = 2000
"""Characters of one value that a card shows; a longer one is cut with an ellipsis."""

_ACTIVE = re.compile(r"[\\`*\[\]<>&|~$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)
_LEADING = re.compile(r" ?(?:[-+=#]|:(?=-)|\d+[.)](?=\s|$))")
_SPACES = re.compile(r"\s+")
_ORDINARY = re.compile(r"[A-Za-z0-9 _./:@=+,-]+")
_WEB = re.compile(r"https?:", re.IGNORECASE)


class Markdown(str):
    """A string that is Markdown on purpose and is printed as it stands."""

    __slots__ = ()


def clean(value: object) -> str:
    """`value` on one line, without control, format (bidi, zero-width) and unassigned characters.

    Lone surrogates become U+FFFD, runs of white space one space; at most MAX_LENGTH characters.
    """
    written = str(value)[: 4 * MAX_LENGTH]
    plain = written.isascii() and written.isprintable()  # as nearly all is: nothing to look at one by one
    kept = written if plain else "".join(map(_clean_character, written))
    line = _SPACES.sub(" ", kept)
    return line if len(line) <= MAX_LENGTH else line[: MAX_LENGTH - 1] + "…"


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    return "" if category in ("Cf", "Cn", "Co") else character


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};"


def text(value: object) -> Markdown:
    """`value` as Markdown that shows exactly its cleaned characters, wherever it is put."""
    escaped = _ACTIVE.sub(_reference, clean(value))
    if leading := _LEADING.match(escaped):  # a list, a heading, a rule: all of them begin a line
        end = leading.end()
        return Markdown(f"{escaped[: end - 1]}&#{ord(escaped[end - 1])};{escaped[end:]}")
    return Markdown(escaped)


def cell(value: object) -> Markdown:
    """`value` inside a table's cell, where a sign, a dash or a number cannot begin a list."""
    return Markdown(_ACTIVE.sub(_reference, clean(value)).strip())


def finalize(value: Any) -> str:
    """What `{{ expression }}` prints: Markdown as it is, numbers and words as plain text."""
    if isinstance(value, Markdown):
        return value
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text(f"{value:.3f}" if isinstance(value, float) else value)


def code(value: object) -> Markdown:
    """`value` in code font; characters that would end a code span or a table cell are kept harmless."""
    line = clean(value).strip()
    return Markdown(f"`{line}`" if _ORDINARY.fullmatch(line) else f"<code>{text(line)}</code>")


def link(title: object, url: str | None) -> Markdown:
    """A link to an http(s) address; only the title when there is none or it is of another kind."""
    shown = title if isinstance(title, Markdown) else text(title)
    address = clean(url or "").strip()
    if not _WEB.match(address):
        return Markdown(shown)
    return Markdown(f"[{shown}]({quote(address, safe='/:?#@!$&,;=~%+-._')})")


def attribute(value: object) -> Markdown:
    """`value` inside the quotes of an HTML attribute."""
    return Markdown(text(value).replace('"', "&#34;").replace("'", "&#39;"))


def python(value: object) -> Markdown:
    """`value` as a Python string literal, for a fenced block."""
    return Markdown(json.dumps(clean(value).strip(), ensure_ascii=True))


def shell(value: object) -> Markdown:
    """`value` as one word of a shell command, for a fenced block."""
    return Markdown(shlex.quote(clean(value).strip()))
