"""A card read back the way a reader's program would: by a Markdown parser and the Hub client's card class."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")

Table = list[list[str]]


def body(card: str) -> str:
    """The card without its metadata, as the Hub's own client splits it."""
    text: str = ModelCard(card).text
    return text


def metadata(card: str) -> dict[str, Any]:
    """The metadata as the Hub's own client reads it."""
    read: dict[str, Any] = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]
    return read


def tokens(card: str) -> list[Token]:
    return _PARSER.parse(body(card))


def text_of(inline: Token) -> str:
    """What a reader sees of one line: text, code, and the text of `<code>`; no markup."""
    children = inline.children or []
    shown = "".join(child.content for child in children if child.type in ("text", "code_inline"))
    return shown.replace("\u00a0", " ")


def tables(card: str) -> list[Table]:
    """Every table as rows of cell texts, the head first."""
    found: list[Table] = []
    before = ""
    for token in tokens(card):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and before in ("td_open", "th_open"):
            found[-1][-1].append(text_of(token))
        before = token.type
    return found


def pairs(table: Table) -> dict[str, str]:
    """A table of two columns, without its head."""
    return {row[0]: row[1] for row in table[1:]}


def fenced(card: str, language: str) -> list[str]:
    """The contents of the fenced blocks in that language."""
    return [t.content for t in tokens(card) if t.type == "fence" and t.info == language]


def links(card: str) -> list[str]:
    """The addresses of all links."""
    inline = [child for token in tokens(card) for child in token.children or ()]
    return [str(child.attrs["href"]) for child in inline if child.type == "link_open"]


def html_tags(card: str) -> set[str]:
    """Names of the HTML tags that act as tags."""
    pieces = [t.content for t in tokens(card) if t.type == "html_block"]
    pieces += [c.content for t in tokens(card) for c in t.children or () if c.type == "html_inline"]
    return {name.lower() for piece in pieces for name in re.findall(r"</?([A-Za-z][A-Za-z0-9]*)", piece)}
