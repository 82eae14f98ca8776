"""A small world that a model of half a million weights can know: tables of facts, and how they are said.

A `Relation` is one kind of fact ("where an animal lives") with its pairs and the four ways it is
said: as a statement, as a question, as the start of a sentence, and as a yes/no question. Everything
here is plain data; the questions of each task are made from it in `questions.py`.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from random import Random

import msgspec

from bot.rehearsal.tables import ANIMALS, CAPITALS, CAUSES, COLORS, JOBS, THINGS

NAMES = ("Tom", "Ann", "Ben", "Mia", "Sam", "Eva", "Max", "Lily")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FRUITS = ("apples", "eggs", "books", "cups", "balls")


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of fact. In the templates {s} is the subject, {o} the object, as they stand in `pairs`."""

    name: str
    statement: str
    question: str
    stem: str
    yes_no: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def objects(self) -> tuple[str, ...]:
        """Every answer this relation knows, each once, in the order of the table."""
        return tuple(dict.fromkeys(o for _, o in self.pairs))


@functools.cache
def share(*fact: str) -> float:
    """How often a fact is told: 0.01 to 1, evenly spread in powers of ten, so some are hardly known."""
    return float(0.01 ** (zlib.crc32(repr(fact).encode()) % 1000 / 999))


def told(rng: Random, facts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """One of the facts, by how often each is told."""
    return rng.choices(facts, [share(*fact) for fact in facts])[0]


def article(noun: str) -> str:
    """The noun with "a" or "an" before it."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def sentence(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[0].upper() + text[1:]


def _column(rows: list[list[str]], column: int, make: str = "{}") -> tuple[tuple[str, str], ...]:
    return tuple((article(row[0]), make.format(row[column])) for row in rows)


RELATIONS: tuple[Relation, ...] = (
    Relation(
        name="young", statement="the baby of {s} is {o}", question="what is the baby of {s} called",
        stem="the baby of {s} is", yes_no="is the baby of {s} {o}",
        pairs=tuple((article(r[0]), article(r[1])) for r in ANIMALS),
    ),
    Relation(
        name="home", statement="{s} lives {o}", question="where does {s} live",
        stem="{s} lives", yes_no="does {s} live {o}", pairs=_column(ANIMALS, 2),
    ),
    Relation(
        name="food", statement="{s} eats {o}", question="what does {s} eat",
        stem="{s} eats", yes_no="does {s} eat {o}", pairs=_column(ANIMALS, 3),
    ),
    Relation(
        name="sound", statement="{s} says {o}", question="what does {s} say",
        stem="{s} says", yes_no="does {s} say {o}", pairs=_column(ANIMALS, 4),
    ),
    Relation(
        name="cover", statement="{s} is covered with {o}", question="what is {s} covered with",
        stem="{s} is covered with", yes_no="is {s} covered with {o}", pairs=_column(ANIMALS, 5),
    ),
    Relation(
        name="legs", statement="{s} has {o} legs", question="how many legs does {s} have",
        stem="the number of legs of {s} is", yes_no="does {s} have {o} legs", pairs=_column(ANIMALS, 6),
    ),
    Relation(
        name="material", statement="{s} is made of {o}", question="what is {s} made of",
        stem="{s} is made of", yes_no="is {s} made of {o}", pairs=_column(THINGS, 1),
    ),
    Relation(
        name="place", statement="you keep {s} {o}", question="where do you keep {s}",
        stem="you keep {s}", yes_no="do you keep {s} {o}", pairs=_column(THINGS, 2),
    ),
    Relation(
        name="use", statement="you need {o} to {s}", question="what do you need to {s}",
        stem="if you want to {s}, you need", yes_no="do you need {o} to {s}",
        pairs=tuple((r[3], article(r[0])) for r in THINGS),
    ),
    Relation(
        name="color", statement="the color of {s} is {o}", question="what is the color of {s}",
        stem="the color of {s} is", yes_no="is the color of {s} {o}", pairs=COLORS,
    ),
    Relation(
        name="capital", statement="the capital of {s} is {o}", question="what is the capital of {s}",
        stem="the capital of {s} is", yes_no="is the capital of {s} {o}", pairs=CAPITALS,
    ),
    Relation(
        name="work", statement="{s} works {o}", question="where does {s} work",
        stem="{s} works", yes_no="does {s} work {o}", pairs=_column(JOBS, 1),
    ),
    Relation(
        name="job", statement="{o} {s}", question="who {s}",
        stem="the one who {s} is", yes_no="is it {o} who {s}",
        pairs=tuple((r[2], article(r[0])) for r in JOBS),
    ),
    Relation(
        name="cause", statement="when {s}, {o}", question="what happens when {s}",
        stem="when {s},", yes_no="is it true that when {s}, {o}",
        pairs=CAUSES,
    ),
)  # fmt: skip

BY_NAME = {relation.name: relation for relation in RELATIONS}


class Riddle(msgspec.Struct, frozen=True, kw_only=True):
    """Two facts in one question: what is asked of something that only another fact names."""

    question: str
    answer: str
    wrong: tuple[str, ...]


def riddles() -> tuple[Riddle, ...]:
    """Every two-step question of the world ("what does the animal that says moo eat")."""
    asked = {
        "home": "where does the animal that says {} live",
        "food": "what does the animal that says {} eat",
        "young": "what is the baby of the animal that says {} called",
        "cover": "what is the animal that says {} covered with",
        "material": "what is the thing that you need to {} made of",
        "place": "where do you keep the thing that you need to {}",
    }
    sounds = dict(BY_NAME["sound"].pairs)
    uses = {thing: use for use, thing in BY_NAME["use"].pairs}
    made = []
    for name, template in asked.items():
        relation = BY_NAME[name]
        for subject, answer in relation.pairs:
            clue = sounds.get(subject) or uses[subject]
            wrong = tuple(o for o in relation.objects if o != answer)
            made.append(Riddle(question=template.format(clue), answer=answer, wrong=wrong))
    return tuple(made)
