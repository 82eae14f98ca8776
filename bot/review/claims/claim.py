"""What the kinds of claims have in common: a claim found in a clause, and the work that each kind shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from bot.records import Record
from bot.review.claims.clause import Clause
from bot.review.claims.context import Context
from bot.review.claims.findings import Reading
from bot.review.claims.metrics import Scale
from bot.review.claims.nearby import Nearby
from bot.review.claims.parties import parties
from bot.review.claims.scan import Token
from bot.review.claims.unread import unread
from bot.review.claims.words import Relation


class Claim(Record, frozen=True, kw_only=True):
    """One claim: where it stands in the plain text, and the ways to understand it.

    `number` is the part that a reading's `fix` stands for; None: all of it.
    """

    start: int
    end: int
    readings: tuple[Reading, ...]
    doubtful: bool = False
    number: tuple[int, int] | None = None

    def moved(self, by: int) -> Claim:
        """The same claim at another place."""
        if not by:
            return self
        number = (self.number[0] + by, self.number[1] + by) if self.number else None
        return replace(self, start=self.start + by, end=self.end + by, number=number)


class Work(Nearby):
    """One clause under examination. A kind takes the tokens it has judged, so that no other does."""

    def __init__(self, scale: Scale, clause: Clause, context: Context) -> None:
        super().__init__(scale, clause, context)
        self.taken: set[int] = set()

    def free(self) -> Iterator[int]:
        """The places of tokens that no claim has taken yet."""
        return (index for index in range(len(self.clause.tokens)) if index not in self.taken)

    def claim(
        self,
        first: int,
        last: int,
        readings: Iterable[Reading],
        *,
        number: int | None = None,
        paired: bool = False,
        sure: bool = False,
    ) -> Claim | None:
        """A claim on tokens `first` to `last`; None where there is nothing to say.

        `number` is the token that may be mended. `paired`: it compares with a rival, who may be a stranger
        where none is named. `sure`: no other word of the clause can change what is meant.
        """
        found = tuple(readings)
        if not found:
            return None
        self.taken.update(range(first, last + 1))
        tokens = self.clause.tokens
        end = tokens[last].end
        if self.clause.text.count("(", tokens[first].start, end) > self.clause.text.count(
            ")", tokens[first].start, end
        ):
            end += self.clause.text[end : end + 1] == ")"
        return Claim(
            start=tokens[first].start,
            end=end,
            readings=found,
            doubtful=self.clause.doubts(tokens[first].start, end)
            or (not sure and bool(unread(self.clause, tokens[first].start, end)))
            or (paired and self.context.strangers and not self._against_somebody()),
            number=(tokens[number].start, tokens[number].end) if number is not None else None,
        )

    def _against_somebody(self) -> bool:
        return self.context.fixed or any(party.rival or party.group for party in parties(self.clause))

    def negative(self, anchor: int) -> bool:
        """Whether a `not` or `no` stands shortly before the anchor, or at the verb that governs it."""
        return self._denial(anchor) is not None

    def nowhere(self, anchor: int) -> bool:
        """Whether it is denied of every single task: `never`, `on no task`, `not on any task`."""
        denial, said = self._denial(anchor), self.quantifier()
        if denial is None:
            return said == "none"
        return said == "any" or (denial.word is not None and denial.word.value == "never")

    def _denial(self, anchor: int) -> Token | None:
        for index in range(anchor - 1, max(-1, anchor - 5), -1):
            token = self.clause.tokens[index]
            gap = self.clause.between(token, self.clause.tokens[anchor])
            if len(gap.split()) > 6 or any(mark in gap for mark in ",;:("):
                return None
            if token.kind("not"):
                return token
            if token.relation is not None or token.tasks:
                return None
        following = self.clause.tokens[anchor + 1] if anchor + 1 < len(self.clause.tokens) else None
        if following is None or following.word is None or following.word.value != "never":
            return None
        beside = not self.clause.between(self.clause.tokens[anchor], following).strip()
        return following if beside else None  # `it loses nowhere`


def metric_of(relation: Relation | None, named: str) -> str:
    """The metric that a relation or a word names; empty for tasks."""
    if relation is not None and relation.axis == "size":
        return "size"
    if relation is not None and relation.axis == "speed":
        return "speed"
    return named
