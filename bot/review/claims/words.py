"""The vocabulary of claims, read from vocabulary.yaml: relations, superlatives, links, and other words.

A phrase is a tuple of lower-case words; the scanner takes the longest that fits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from msgspec.structs import replace

from bot.records import Record

Axis = Literal["quality", "value", "size", "speed"]
Strength = Literal["", "slight", "big", "crushing", "same", "close", "least"]


class Relation(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stands so to B. `sign`: +1 more or better, -1 less or worse, 0 alike. `direct`: takes an object.

    `every`: on each single task. `soft`: praise or blame that nobody can refute by a number (excels,
    struggles).
    """

    sign: int
    axis: Axis = "quality"
    strength: Strength = ""
    direct: bool = False
    soft: bool = False
    noun: bool = False
    every: bool = False


class Superlative(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one that stands first (+1) or last (-1) of all. `rank`: counted from the best."""

    sign: int
    axis: Axis = "quality"
    rank: int = 1


class Word(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any other word that matters: its kind, and a value where the kind has one.

    `link` announces a rival (than, against), `cut` begins a new clause, `doubt` is a guess, a condition or a
    wish, `tasks` speaks of tasks together (all, most, any, none, else, except), `group` of models (all,
    others, some), `takes` wins the tasks behind it, `part` is a part of a model with bits of its own, `such`
    goes on with examples, `advice` is a choice.
    """

    kind: Literal[
        "link", "not", "doubt", "strength", "cut", "tasks", "group", "pronoun", "metric", "part", "bound",
        "win", "perfect", "only", "performance", "arrow", "by", "times", "from", "such", "advice", "takes",
    ]  # fmt: skip
    value: str = ""


Entry = Relation | Superlative | Word
Phrase = tuple[str, ...]


class _Listed(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the file: one meaning, and how it is said."""

    relation: Relation | None = None
    superlative: Superlative | None = None
    word: Word | None = None
    verbs: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


_GOVERNS = (" to", " with", " as", " than", " of", " from", " where")


def _read(path: Path) -> dict[Phrase, Entry]:
    data: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found: dict[Phrase, Entry] = {}
    for listed in msgspec.convert(data, list[_Listed]):
        entry = listed.relation or listed.superlative or listed.word
        assert entry is not None
        forms = (form for verb in listed.verbs for form in _forms(verb))
        for phrase in (*forms, *listed.phrases):
            governs = isinstance(entry, Relation) and phrase.endswith(_GOVERNS)
            found.setdefault(
                tuple(phrase.replace("-", " ").split()), replace(entry, direct=True) if governs else entry
            )
    return found


def _forms(verb: str) -> tuple[str, ...]:
    """`lag behind` -> lags behind, lagged behind, lagging behind. Irregular forms stand after a slash."""
    whole, *past = verb.split("/")
    head, _, rest = whole.partition(" ")
    tail = f" {rest}" if rest else ""
    if head.endswith(("s", "sh", "ch", "x", "o")):
        third = f"{head}es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        third = f"{head[:-1]}ies"
    else:
        third = f"{head}s"
    stem = head.removesuffix("e")
    doubled = head + head[-1] if len(head) <= 4 and head[-1] in "pgtmb" and head[-2] in "aiou" else stem
    ed = f"{head[:-1]}ied" if third.endswith("ies") else f"{doubled}ed"
    return tuple(f"{form}{tail}" for form in (head, third, ed, f"{doubled}ing", *past))


WORDS = _read(Path(__file__).parent / "vocabulary.yaml")
STARTS = frozenset(phrase[0] for phrase in WORDS)
LONGEST = max(len(phrase) for phrase in WORDS)
