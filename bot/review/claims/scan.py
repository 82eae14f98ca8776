"""A stretch of text as tokens: models, tasks, numbers and the words that join them to claims."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from bot.card.board import Board
from bot.card.task_names import spellings
from bot.records import Record
from bot.review.claims import words as vocabulary
from bot.review.claims.names import Names
from bot.review.claims.quantities import Quantity, count, read
from bot.review.claims.repeated import Memory, around
from bot.review.claims.scan_patterns import (
    AFTER_NUMBER,
    ALL_OF,
    BEFORE_NUMBER,
    COMPOUND,
    HALF_A,
    JOINED,
    LEADERS,
    NUMBER,
    PAREN,
    REST,
)
from bot.review.claims.words import Relation, Superlative, Word

_WORD = re.compile(r"[A-Za-z]+(?:'t\b)?|\d+(?:\.\d+)?|[\u2190-\u21ff~<>]")
_OTHERS = ("the others", "others", "the rest", "all others", "all the others")
_DEFEATS = re.compile("defeats?", re.IGNORECASE)
_MORE = {("more", "than"): 1, ("less", "than"): -1, ("fewer", "than"): -1}


class Token(Record, frozen=True, kw_only=True):
    """One mention; one of the fields says what. `models` empty with `unknown`: none of the board's."""

    start: int
    end: int
    models: tuple[str, ...] = ()
    unknown: bool = False
    tasks: tuple[str, ...] = ()
    loose: bool = False
    quantity: Quantity | None = None
    relation: Relation | None = None
    superlative: Superlative | None = None
    word: Word | None = None

    @property
    def is_model(self) -> bool:
        return bool(self.models) or self.unknown

    def kind(self, *kinds: str) -> bool:
        return self.word is not None and self.word.kind in kinds


class Scanner:
    """Knows one board's names; `tokens` is linear in the length of its text."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.names = Names(board)
        self._tasks = {_words_of(phrase): tasks for phrase, tasks in spellings(board.tasks).items()}
        self._known = Memory[tuple[int, tuple[Token, ...]]]()
        self._task_starts = {phrase[0] for phrase in self._tasks}

    def tokens(self, text: str, start: int, end: int) -> tuple[Token, ...]:
        """The tokens between two offsets, in order and without overlap."""
        at, found = self._known.get(
            around(text, start, end), lambda: (start, self._scanned(text, start, end))
        )
        if at == start:
            return found
        return tuple(replace(t, start=t.start + start - at, end=t.end + start - at) for t in found)

    def _scanned(self, text: str, start: int, end: int) -> tuple[Token, ...]:
        found: list[Token] = []
        skipped = [m.span() for m in PAREN.finditer(text, start, end)]
        at = start
        while at < end:
            if skipped and skipped[0][0] <= at:
                at = max(at, skipped.pop(0)[1])
                continue
            if not (text[at].isalnum() or text[at] in "+-\u00b1.#~<>" or "\u2190" <= text[at] <= "\u21ff"):
                at += 1
                continue
            token = self._at(text, at, end)
            if token is None:
                word = _WORD.match(text, at, end)
                at = word.end() if word else at + 1
                continue
            found.append(token)
            at = token.end
        return tuple(token for token in _settled(text, found))

    def _at(self, text: str, at: int, end: int) -> Token | None:
        inside = at > 0 and (text[at - 1].isalnum() or text[at - 1] in "._")
        if inside:
            return None
        if token := self._model(text, at, end):
            return token
        if token := self._task(text, at, end):
            return token
        if (every := ALL_OF.match(text, at, end)) and count(every["n"] or every["bare"]) == len(
            self.board.tasks
        ):
            return Token(start=at, end=every.end(), word=Word(kind="tasks", value="all"))
        if rest := REST.match(text, at, end):
            return Token(start=at, end=rest.end(), word=Word(kind="tasks", value="else"))
        if some := LEADERS.match(text, at, end):
            return Token(start=at, end=some.end(), word=Word(kind="group", value="some"))
        if (
            NUMBER.match(text, at)
            and not (text[at] in "+-" and at and text[at - 1].isalnum())
            and (number := read(text, at))
        ):
            quantity, until = number
            if until <= end and not _within_a_word(text, until, quantity):
                return Token(start=at, end=until, quantity=quantity)
        return self._word(text, at, end)

    def _model(self, text: str, at: int, end: int) -> Token | None:
        named = self.names.at(text, at, end)
        if named is None:
            return None
        models, until = named
        return Token(start=at, end=until, models=models, unknown=not models)

    def _task(self, text: str, at: int, end: int) -> Token | None:
        for phrase, until in reversed(_phrases(text, at, end, 4, self._task_starts)):
            if (tasks := self._tasks.get(phrase)) and not text[until : until + 1].isalnum():
                loose = len(tasks) > 1 and phrase == ("arc",)
                return Token(start=at, end=until, tasks=tasks, loose=loose)
        return None

    def _sign(self, text: str, at: int, end: int) -> Token | None:
        """`A > B`: a comparison only where a model follows."""
        following = at + 1 + (text[at + 1 : at + 2] == " ")
        if following >= end or self.names.at(text, following, end) is None:
            return None
        sign = 1 if text[at] == ">" else -1
        return Token(start=at, end=at + 1, relation=Relation(sign=sign, axis="value", direct=True))

    def _word(self, text: str, at: int, end: int) -> Token | None:
        if text[at] in "<>":
            return self._sign(text, at, end)
        for phrase, until in reversed(_phrases(text, at, end, vocabulary.LONGEST, vocabulary.STARTS)):
            entry = vocabulary.WORDS.get(phrase)
            if phrase == ("more",) and AFTER_NUMBER.search(text, max(0, at - 24), at):
                entry = Relation(sign=1, axis="value")  # "37 % more throughput"
            if HALF_A.match(text, until) and isinstance(entry, Word) and entry.kind == "times":
                continue  # `by half a point`
            if entry is None or (not isinstance(entry, Word) and COMPOUND.match(text, until)):
                continue
            if (
                phrase in _MORE
                and not BEFORE_NUMBER.match(text, until)
                and AFTER_NUMBER.search(text, max(0, at - 24), at)
            ):
                entry = Relation(sign=_MORE[phrase], axis="value", direct=True)  # "37 % more than q8"
            if isinstance(entry, Relation):
                return Token(start=at, end=until, relation=entry)
            if isinstance(entry, Superlative):
                return Token(start=at, end=until, superlative=entry)
            return Token(start=at, end=until, word=entry)
        return None


def _settled(text: str, tokens: list[Token]) -> Iterator[Token]:
    """`takes ARC-C`, `claims four tasks` are wins; a hit that is taken and a claim that is made are none."""
    for index, token in enumerate(tokens):
        counted = tokens[index - 1].quantity if index else None
        if (
            counted is not None
            and counted.kind == "count"
            and _DEFEATS.fullmatch(text, token.start, token.end)
        ):
            yield Token(start=token.start, end=token.end, relation=Relation(sign=-1, noun=True))
            continue
        if _are_tasks(text, tokens, index):
            yield Token(start=token.start, end=token.end, word=Word(kind="tasks", value="else"))
            continue
        if not token.kind("takes"):
            yield token
            continue
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if after is not None and _is_won(text, token, after):
            yield Token(start=token.start, end=token.end, relation=Relation(sign=1))


def _are_tasks(text: str, tokens: list[Token], index: int) -> bool:
    """`A is higher, B the same, the others lower`: behind several tasks the others are tasks, too."""
    token, before = tokens[index], tokens[:index]
    if (
        token.word is None
        or token.word.value != "others"
        or text[token.start : token.end].lower() not in _OTHERS
    ):
        return False
    named = sum(bool(each.tasks) for each in before)
    compared = bool(before) and (
        before[-1].kind("link", "by") or (before[-1].relation is not None and before[-1].relation.direct)
    )
    return named > 1 and not compared


def _is_won(text: str, verb: Token, after: Token) -> bool:
    counted = after.quantity is not None and after.quantity.kind in ("fraction", "count")
    gap = text[verb.end : after.start].strip().lower()
    return gap in ("", "the", "both", "home") and (bool(after.tasks) or counted or after.kind("tasks"))


def _words_of(phrase: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(" ".join(phrase).replace("_", " ")))


def _phrases(
    text: str, at: int, end: int, longest: int, starts: Collection[str]
) -> list[tuple[tuple[str, ...], int]]:
    """The words from `at` on: one, two, ... each with where it ends; none unless the first is of `starts`."""
    words: list[str] = []
    found: list[tuple[tuple[str, ...], int]] = []
    while len(words) < longest and (word := _WORD.match(text, at, end)):
        words.append(word[0].lower())
        if words[0] not in starts:
            return []
        found.append((tuple(words), word.end()))
        gap = JOINED.match(text, word.end(), end)
        assert gap is not None
        if not gap[0] and not text[word.end() : word.end() + 1].isalnum():
            break
        at = gap.end()
    return found


def _within_a_word(text: str, until: int, quantity: Quantity) -> bool:
    """`4bit`, `20x-style`: letters right after a number that has no unit."""
    following = text[until : until + 1]
    return following.isalpha() or (
        following == "-" and quantity.kind == "plain" and text[until + 1 : until + 2].isalpha()
    )
