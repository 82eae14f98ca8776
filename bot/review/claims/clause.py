"""Sentences cut into clauses, and who is who in one: what is compared with what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.records import Record
from bot.review.claims.scan import Token

_CUT = re.compile(r";|\s[\u2014\u2013-]\s|\u2014|[.!?]\s")
_ANEW = re.compile(r"[^,;(]{0,60},\s*(?:and|so|then|plus)\s*(?:that\s)?", re.IGNORECASE)
_TASKS_AND = re.compile(
    r"\s*(?:\([^()]{0,80}\))?\s*(?:,|and|&|or|/|\+|, and|, or|as well as|plus|nor|both|,? ?then)?\s*"
    r"(?:on |in |for |the |its |of )?",
    re.IGNORECASE,
)
# "That is a loss of ...": what it speaks of was said before
_THAT_IS = re.compile(
    r"\W*(?:(?:That|This|Which|These|Those) (?:is|are|was|were) (?:an?|the|about|just|only)"
    r"|(?:That|This|These|Those|Such an?)"
    r" (?:speed|size|loss|gain|difference|gap|price|step|choice|change|jump))\b"
)
_SAYS = re.compile(
    r"\s+(?:is|was|has|gains|loses|drops|falls|improves|stays|remains|rises|goes|climbs|slips|dips|ends|shows)\b"
)
MOST_TOKENS = 48
"""A clause with more mentions is cut, so that hostile text costs no more than plain text."""


class Clause(Record, frozen=True, kw_only=True):
    """A stretch with one statement. `earlier` are the tokens of its sentence before it."""

    text: str
    start: int
    end: int
    tokens: tuple[Token, ...]
    earlier: tuple[Token, ...] = ()

    def between(self, first: Token, second: Token) -> str:
        return self.text[first.end : second.start]

    def has(self, *kinds: str) -> bool:
        return any(token.kind(*kinds) for token in self.tokens)

    def doubts(self, start: int, end: int) -> bool:
        """Whether what stands there is said as a guess, a condition, a wish or a question.

        A condition reaches no further than its comma.
        """
        if self._asked or _THAT_IS.match(self.text, self.start, self.end):
            return True
        for token in self.tokens:
            if token.kind("doubt"):
                between = self.text[token.end : start] if token.end <= start else self.text[end : token.start]
                if (token.word and token.word.value != "condition") or not re.search(r"[,:]", between):
                    return True
        return False

    @property
    def _asked(self) -> bool:
        asked = "?" in self.text[self.end - 1 : self.end + 1]
        guessed = bool(self.earlier) and self.earlier[-1].kind("doubt")
        return asked or guessed


def clauses(text: str, tokens: tuple[Token, ...], start: int, end: int) -> Iterator[Clause]:
    """The clauses of one sentence, cut at `but`, `while`, dashes and the like."""
    first, begin = 0, start
    for index in range(1, len(tokens) + 1):
        last = index == len(tokens)
        full = index - first >= MOST_TOKENS
        if not (last or full or _cuts(text, tokens[index - 1], tokens[index])):
            continue
        stop = end if last else tokens[index].start
        yield Clause(text=text, start=begin, end=stop, tokens=tokens[first:index], earlier=tokens[:first])
        first, begin = index, stop


def _cuts(text: str, before: Token, token: Token) -> bool:
    if token.kind("cut"):
        return True
    if token.kind("such"):
        return False
    gap = text[before.end : token.start]
    if _CUT.search(gap) is not None and "(" not in gap:
        return True
    anew = token.kind("pronoun") or (token.is_model and not before.is_model)
    return anew and _ANEW.fullmatch(gap) is not None


class TaskGroup(Record, frozen=True, kw_only=True):
    """Tasks named together: `ARC-C, PIQA and BoolQ`. `loose`: `ARC` may mean either of the two."""

    tasks: tuple[str, ...]
    first: int
    last: int
    loose: bool = False


def task_groups(clause: Clause) -> tuple[TaskGroup, ...]:
    """The groups of tasks in the order of the clause."""
    found: list[TaskGroup] = []
    for index, token in enumerate(clause.tokens):
        if not token.tasks:
            continue
        if found and _continues(clause, found[-1], index):
            last = found[-1]
            found[-1] = TaskGroup(
                tasks=tuple(dict.fromkeys((*last.tasks, *token.tasks))),
                first=last.first,
                last=index,
                loose=last.loose and token.loose,
            )
        else:
            found.append(TaskGroup(tasks=token.tasks, first=index, last=index, loose=token.loose))
    return tuple(found)


def _continues(clause: Clause, last: TaskGroup, index: int) -> bool:
    """Nothing but `and` and glosses in brackets lie between; words in the brackets may be tokens too."""
    between = clause.tokens[last.last + 1 : index]
    if any(token.quantity or token.is_model or token.superlative for token in between):
        return False
    gap = clause.between(clause.tokens[last.last], clause.tokens[index])
    if "and" in gap and _SAYS.match(clause.text, clause.tokens[index].end, clause.end):
        return False  # `wins on A and B, and C is a tie`
    return _TASKS_AND.fullmatch(gap) is not None
