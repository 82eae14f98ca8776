"""What differs between the published card and this one: a unified diff, with the changed words marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from bot.records import Record

CONTEXT = 3
"""Unchanged lines shown before and after a change, as `diff -u` shows them."""

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.4
"""How alike two lines must be (0 to 1) for single words to be marked; below it, all of the line is new."""

_LONGEST = 4000
"""Characters of a line in which words are still compared: the time grows with the square."""

Part = tuple[str, bool]
"""A piece of a line, and whether it is what changed in it."""


class DiffLine(Record, frozen=True, kw_only=True):
    """One line of the diff with its numbers in the old and the new text (None: it is not there)."""

    kind: Literal["hunk", "same", "removed", "added"]
    parts: tuple[Part, ...]
    old: int | None = None
    new: int | None = None


class Diff(Record, frozen=True, kw_only=True):
    """The whole difference; without lines the two are the same."""

    lines: tuple[DiffLine, ...] = ()
    added: int = 0
    removed: int = 0


def diff(published: str, now: str) -> Diff:
    """From the published text to this one. Pure."""
    old, new = published.splitlines(), now.splitlines()
    lines = tuple(_lines(old, new))
    return Diff(
        lines=lines,
        added=sum(line.kind == "added" for line in lines),
        removed=sum(line.kind == "removed" for line in lines),
    )


def _lines(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        text = f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@"
        yield DiffLine(kind="hunk", parts=((text, False),))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for step in range(i2 - i1):
                    yield DiffLine(
                        kind="same", parts=((old[i1 + step], False),), old=i1 + step + 1, new=j1 + step + 1
                    )
            else:
                yield from _changed(old[i1:i2], new[j1:j2], i1 + 1, j1 + 1)


def _changed(old: list[str], new: list[str], old_from: int, new_from: int) -> Iterator[DiffLine]:
    """The lines of one change; where as many go as come, each is compared with its successor."""
    if len(old) == len(new):
        pairs = [words(before, after) for before, after in zip(old, new, strict=True)]
        before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    else:
        before, after = [((line, False),) for line in old], [((line, False),) for line in new]
    for step, parts in enumerate(before):
        yield DiffLine(kind="removed", parts=parts, old=old_from + step)
    for step, parts in enumerate(after):
        yield DiffLine(kind="added", parts=parts, new=new_from + step)


def words(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both lines in pieces, with the words that changed marked; unmarked where little is alike."""
    plain: tuple[tuple[Part, ...], tuple[Part, ...]] = (((before, False),), ((after, False),))
    if max(len(before), len(after)) > _LONGEST:
        return plain
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return plain
    codes = matcher.get_opcodes()
    return (
        tuple(("".join(old[i1:i2]), tag != "equal") for tag, i1, i2, _, _ in codes if i1 < i2),
        tuple(("".join(new[j1:j2]), tag != "equal") for tag, _, _, j1, j2 in codes if j1 < j2),
    )
