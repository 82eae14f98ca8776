"""What a model wrote, taken apart: thoughts out, Markdown to plain blocks, blocks to sentences.

Pure. Expressions `{{ … }}` are put aside first, so that no character of them is taken for Markdown or for
the end of a sentence.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.card.markdown import clean
from bot.records import Record
from bot.review.llm.reviewed import Kind, NoReview

MOST = 32_000
"""Characters of a review without its thoughts; more is none."""

_THOUGHT = re.compile(r"<(/?)(think|thinking|thought|reasoning)>", re.IGNORECASE)
_EXPRESSION = re.compile(r"\{\{[^{}]{0,300}\}\}")
_HELD = re.compile(r"[\ue000-\uf8ff]")
_FIRST_HELD, _MOST_HELD = 0xE000, 0x1900
_END = re.compile(r"(?:[.!?…]|\.\.\.)[\"')\]”’]*\s+(?=[\"'(\[“‘]?(?:[A-Z\ue000-\uf8ff]|[a-z]{1,12}[\dA-Z-]))")
"""A sentence begins with a capital, or with a name such as qx86-hi."""
_SHORT = re.compile(r"(?:\b(?:vs|e\.g|i\.e|cf|approx|resp|etc|al|no|[A-Z])\.)\s+$", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```[\w-]*\s*$", re.MULTILINE)


class Part(Record, frozen=True, kw_only=True):
    """A block of the draft, as written: its sentences, expressions and all."""

    kind: Kind
    sentences: tuple[str, ...]


def without_thoughts(answer: str) -> str:
    """The answer without `<think>…</think>`. What comes before a lone closing tag is thought as well (the
    opening one stands in the prompt of some models); after a lone opening tag nothing is left."""
    kept: list[str] = []
    start = depth = 0
    for tag in _THOUGHT.finditer(answer):
        if tag[1]:
            if depth == 0:
                kept.clear()
            depth, start = max(0, depth - 1), tag.end()
        else:
            kept.append(answer[start : tag.start()] if depth == 0 else "")
            depth += 1
    return "".join([*kept, answer[start:] if depth == 0 else ""])


def parts(answer: str, *, cut: bool = False) -> tuple[Part, ...]:
    """The blocks of an answer. `cut`: it ends in the middle of a sentence, which is left out.

    Raises NoReview where nothing is left or where it is too long.
    """
    text = without_thoughts(answer).strip()
    if not text:
        raise NoReview("the model wrote nothing")
    if len(text) > MOST:
        raise NoReview(f"the model wrote {len(text):,} characters, more than any review has")
    held: list[str] = []
    aside = _FENCE.sub("", _put_aside(_HELD.sub("", text), held))
    found = [
        Part(kind=kind, sentences=tuple(filter(None, (_back(s, held) for s in _cut(kind, line)))))
        for kind, line in _blocks(_markdown().parse(aside))
    ]
    return tuple(part for part in (_without_end(found) if cut else found) if part.sentences)


def _put_aside(text: str, held: list[str]) -> str:
    """Each expression becomes one private character, which Markdown and grammar take for a letter."""

    def hold(match: re.Match[str]) -> str:
        if len(held) == _MOST_HELD:
            raise NoReview("the model wrote more expressions than any review has")
        held.append(match.group())
        return chr(_FIRST_HELD + len(held) - 1)

    return _EXPRESSION.sub(hold, text)


def _back(text: str, held: Sequence[str]) -> str:
    """Put the expressions back, clean the rest (control and format characters, line breaks)."""
    pieces = _HELD.split(text)
    marks = [held[ord(mark) - _FIRST_HELD] for mark in _HELD.findall(text)]
    shown = [clean(piece) for piece in pieces]
    return "".join(piece for pair in zip(shown, [*marks, ""], strict=True) for piece in pair).strip()


def _cut(kind: Kind, line: str) -> list[str]:
    """A heading stays whole."""
    return sentences(line) if kind != "heading" else [line] if line.strip() else []


def sentences(line: str) -> list[str]:
    """A line cut behind each sentence; what is in doubt stays together."""
    ends = [
        end.end()
        for end in _END.finditer(line)
        if not _SHORT.search(line[max(0, end.end() - 12) : end.end()])
    ]
    cut = [line[start:end].strip() for start, end in zip([0, *ends], [*ends, len(line)], strict=True)]
    return [sentence for sentence in cut if sentence]


@functools.cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[Kind, str]]:
    """Paragraphs, headings, list items and code as lines; a table's rows as lines of a list."""
    kind: Kind = "paragraph"
    row: list[str] = []
    lists, in_row = 0, False
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists -= 1
        elif token.type == "tr_open":
            row, in_row = [], True
        elif token.type == "tr_close":
            in_row = False
            yield "bullet", ": ".join(filter(None, (row[0], ", ".join(row[1:])))) if row else ""
        elif token.type in ("heading_open", "heading_close"):
            kind = "heading" if token.type == "heading_open" else "paragraph"
        elif token.type == "inline" and in_row:
            row.append(_inline(token))
        elif token.type == "inline":
            yield ("bullet" if lists else kind), _inline(token)
        elif token.type in ("fence", "code_block", "html_block"):
            yield from (("paragraph", line.strip()) for line in token.content.splitlines() if line.strip())


def _inline(token: Token) -> str:
    """The words of a line, without emphasis and links."""
    words = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            words.append(" ")
        elif child.content:
            words.append(child.content)
    return "".join(words)


def _without_end(found: list[Part]) -> list[Part]:
    """Without the last sentence, unless it has an end."""
    if not found or not found[-1].sentences or found[-1].sentences[-1].endswith((".", "!", "?")):
        return found
    return [*found[:-1], Part(kind=found[-1].kind, sentences=found[-1].sentences[:-1])]
