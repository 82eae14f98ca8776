"""Sentences cut into clauses, and who is who in one: what is compared with what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.records import Record
from bot.review.claims.scan import Token

_CUT = re.compile(r";|\s[\u2014\u2013-]\s|\u2014|[.!?]\s")
_ANEW = re.compile(r"[^,;(]{0,60},\s*(?:and|so|then|plus)\s*(?:that\s)?", re.IGNORECASE)
_AND = re.compile(r"\s*(?:,|and|&|or|/|\+|, and|nor|as well as|plus)?\s*(?:the |its |our )?")
_TASKS_AND = re.compile(
    r"\s*(?:\([^()]{0,80}\))?\s*(?:,|and|&|or|/|\+|, and|, or|as well as|plus|nor|both|,? ?then)?\s*"
    r"(?:on |in |for |the |its |of )?",
    re.IGNORECASE,
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
        if self._asked:
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


class Party(Record, frozen=True, kw_only=True):
    """Models named together, in one role."""

    models: tuple[str, ...]
    rival: bool
    first: int
    last: int
    unknown: bool = False
    group: str = ""
    linked: bool = False


def parties(clause: Clause) -> tuple[Party, ...]:
    """Who is compared with whom: a name after `than` or `beats` is a rival, `A and B` are one party."""
    found: list[Party] = []
    for index, token in enumerate(clause.tokens):
        if not (token.is_model or _group(token)):
            continue
        previous = clause.tokens[index - 1] if index else None
        if found and previous is not None and _joins(clause, found[-1], index, previous, token):
            last = found[-1]
            found[-1] = Party(
                models=_merged(clause, last, previous, token),
                rival=last.rival,
                first=last.first,
                last=index,
                unknown=last.unknown or token.unknown,
                group=last.group or _group(token),
                linked=last.linked,
            )
            continue
        linked = previous is not None and _linked(clause, previous, token)
        if _group(token) == "own" and not (linked or _object(clause, index)):
            continue  # "this model" as a subject is a pronoun
        found.append(
            Party(
                models=token.models,
                rival=(linked and not _arrives(clause, found, index))
                or _object(clause, index)
                or (_of_several(previous, token) and _among(clause, token)),
                first=index,
                last=index,
                unknown=token.unknown,
                group=_group(token),
                linked=linked,
            )
        )
    return tuple(found)


def _group(token: Token) -> str:
    if token.word is None:
        return ""
    return token.word.value if token.word.kind == "group" or token.word.value == "own" else ""


def _joins(clause: Clause, last: Party, index: int, previous: Token, token: Token) -> bool:
    return last.last == index - 1 and _AND.fullmatch(clause.between(previous, token)) is not None


def _merged(clause: Clause, last: Party, previous: Token, token: Token) -> tuple[str, ...]:
    """`qx65-hi + BX20` is one model with two names, `A and B` are two."""
    return tuple(dict.fromkeys((*last.models, *token.models)))


def _linked(clause: Clause, previous: Token, token: Token) -> bool:
    gap = clause.between(previous, token)
    index = clause.tokens.index(previous)
    if previous.quantity and index and gap.strip(" (").lower() in ("", "for", "of", "by"):
        link = clause.tokens[index - 1]
        if link.kind("link", "from") and not re.search(r"[,;:)]", clause.between(link, previous)):
            return True
    if (
        previous.quantity
        and gap.strip() == "of"
        and "within" in clause.text[max(0, previous.start - 8) : previous.start]
    ):
        return True
    if previous.kind("metric") and gap.strip() == "of":
        earlier = clause.tokens[max(0, index - 3) : index]
        if any(t.kind("times") or (t.quantity and t.quantity.kind == "percent") for t in earlier):
            return True  # `half the size of`, `40 % of the size of`
    return previous.kind("link", "by", "from") and len(gap.split()) <= 3 and not re.search(r"[,:;]", gap)


def _of_several(previous: Token | None, token: Token) -> bool:
    """`best of both`, `the smallest of A and B`."""
    return bool(_group(token)) or (previous is not None and previous.superlative is not None)


def _arrives(clause: Clause, found: list[Party], index: int) -> bool:
    """`from q4 to qx65`: the second is the one that is spoken of."""
    before = clause.tokens[index - 1]
    if not found or found[-1].last != index - 2 or clause.text[before.start : before.end].lower() != "to":
        return False
    return found[-1].first > 0 and clause.tokens[found[-1].first - 1].kind("from")


def _among(clause: Clause, token: Token) -> bool:
    """`best of both`, `smallest among all models`."""
    before = clause.text[max(clause.start, token.start - 12) : token.start].lower().split()
    return before[-1:] in (["of"], ["among"], ["amongst"]) or before[-2:] in (["of", "the"], ["among", "the"])


def _object(clause: Clause, index: int) -> bool:
    """Whether a verb that takes an object stands shortly before it."""
    for before in range(index - 1, max(-1, index - 4), -1):
        token = clause.tokens[before]
        gap = clause.between(token, clause.tokens[index])
        if token.relation is not None and token.relation.direct:
            return len(gap.split()) <= 4 and not re.search(r"[:;.]", gap)
        if not token.kind("strength", "performance", "pronoun"):
            return False
    return False


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
    return _TASKS_AND.fullmatch(gap) is not None
