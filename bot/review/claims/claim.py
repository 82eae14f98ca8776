"""What the kinds of claims have in common: a claim found in a clause, and the work that each kind shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.records import Record
from bot.review.claims.clause import Clause, TaskGroup, parties, task_groups
from bot.review.claims.context import Context
from bot.review.claims.findings import Reading
from bot.review.claims.metrics import MEAN, MEAN_OF, Scale
from bot.review.claims.scan import Token
from bot.review.claims.words import Relation

_MARKS = {"\u2265": "least", ">": "least", "\u2264": "most", "<": "most", "~": "about"}


class Claim(Record, frozen=True, kw_only=True):
    """One claim: where it stands in the plain text, and the ways to understand it.

    `number` is the part that a reading's `fix` stands for; None: all of it.
    """

    start: int
    end: int
    readings: tuple[Reading, ...]
    doubtful: bool = False
    number: tuple[int, int] | None = None


class Work:
    """One clause under examination. A kind takes the tokens it has judged, so that no other does."""

    def __init__(self, scale: Scale, clause: Clause, context: Context) -> None:
        self.scale = scale
        self.clause = clause
        self.context = context
        self.groups = task_groups(clause)
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
    ) -> Claim | None:
        """A claim on tokens `first` to `last`; None where there is nothing to say.

        `number` is the token that may be mended. `paired`: it compares with a rival, who may be a stranger
        where none is named.
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
        return None

    def strength(self, anchor: int) -> str:
        """`slightly`, `massive` right before (or after) the anchor."""
        for index in (anchor - 1, anchor + 1, anchor - 2):
            if 0 <= index < len(self.clause.tokens) and self.clause.tokens[index].kind("strength"):
                first, second = sorted((index, anchor))
                gap = self.clause.between(self.clause.tokens[first], self.clause.tokens[second])
                word = self.clause.tokens[index].word
                if word and len(gap.split()) <= 2 and not any(mark in gap for mark in ",;:()"):
                    return word.value
        return ""

    def bound(self, anchor: int) -> str:
        """`about`, `at least`, `up to` before a number."""
        start = self.clause.tokens[anchor].start
        mark = self.clause.text[max(0, start - 2) : start].strip()[-1:]
        if mark in _MARKS:
            return _MARKS[mark]
        if anchor == 0:
            return ""
        token = self.clause.tokens[anchor - 1]
        gap = self.clause.between(token, self.clause.tokens[anchor])
        if len(gap.split()) > 1 or any(mark in gap for mark in ",;:("):
            return ""
        if token.word and token.word.kind == "bound":
            return token.word.value
        return "least" if token.kind("link") and self._text(token) == "over" else ""

    def _text(self, token: object) -> str:
        return self.clause.text[token.start : token.end].lower()  # type: ignore[attr-defined]

    def nearest_relation(self, anchor: int, *, reach: int = 4) -> int | None:
        """The relation word that belongs to a number: the nearest before or after it."""
        best: tuple[int, int] | None = None
        tokens = self.clause.tokens
        for index, token in enumerate(tokens):
            if token.relation is None or abs(index - anchor) > reach:
                continue
            first, second = sorted((index, anchor))
            between = tokens[first + 1 : second]
            gap = self.clause.between(tokens[first], tokens[second])
            words = len(gap.split()) + (3 if any(mark in gap for mark in ",;") else 0)
            if index > anchor and "(" in gap:
                words += 4
            if any(each.quantity for each in between):
                words += 6
            if best is None or words < best[0]:
                best = words, index
        return best[1] if best and best[0] <= 12 else None

    def tasks_for(self, anchor: int) -> TaskGroup | None:
        """The tasks a number speaks of: those in front of its bracket, those after `on`, else the nearest."""
        tokens, groups = self.clause.tokens, self.groups
        if not groups:
            return None
        before = [group for group in groups if group.last < anchor]
        after = [group for group in groups if group.first > anchor]
        if before and self._alone(before[-1].last, anchor):
            gap = self.clause.between(tokens[before[-1].last], tokens[anchor])
            if "(" in gap or ":" in gap or not after:
                return before[-1]
        if after and self._alone(anchor, after[0].first):
            gap = self.clause.between(tokens[anchor], tokens[after[0].first])
            if not any(mark in gap for mark in ",;)"):
                return after[0]
        if before:
            return before[-1]
        return after[0] if after else None

    def _alone(self, first: int, last: int) -> bool:
        return not any(self.clause.tokens[i].quantity for i in range(first + 1, last))

    def metric(self) -> str:
        """The metric named in the clause, or the one that was spoken of."""
        named = (t.word.value for t in self.clause.tokens if t.word and t.word.kind == "metric")
        return next(named, "")

    def metric_at(self, anchor: int) -> str:
        """The metric of a number: the nearest before it that no other number took, else one after it."""
        tokens = self.clause.tokens
        following = tokens[anchor + 1] if anchor + 1 < len(tokens) else None
        if following is not None and following.kind("metric") and following.word is not None:
            gap = self.clause.between(tokens[anchor], following).strip().lower()
            if gap in ("in", "of", "of the", "in the", "", "the", "its", "more", "less"):
                return following.word.value
        for indices in (range(anchor - 1, -1, -1), range(anchor + 1, len(tokens))):
            for index in indices:
                word = tokens[index].word
                if word is not None and word.kind == "metric":
                    return word.value
                if tokens[index].quantity is not None:
                    break
        return self.metric() if self.metric() == MEAN or not self.groups else ""

    def mean_of(self) -> tuple[str, ...]:
        """The mean over some tasks, as `mean of A and B` names them; none where no tasks are named."""
        tasks = tuple(dict.fromkeys(task for group in self.groups for task in group.tasks))
        known = tuple(task for task in tasks if task in self.scale.tasks)
        return (f"{MEAN_OF}{'|'.join(known)}",) if len(known) > 1 else ()

    def quantifier(self) -> str:
        """`all`, `most`, `any`, `none` or `else`, where the clause speaks of tasks so."""
        found = (t.word.value for t in self.clause.tokens if t.word and t.word.kind == "tasks")
        said = list(found)
        return "except" if "except" in said else next(iter(said), "")

    def excluded(self) -> set[str]:
        """The tasks behind an `except`."""
        after = False
        tasks: set[str] = set()
        for token in self.clause.tokens:
            after = after or (token.word is not None and token.word.value == "except")
            tasks |= set(token.tasks) if after else set()
        return tasks


def metric_of(relation: Relation | None, named: str) -> str:
    """The metric that a relation or a word names; empty for tasks."""
    if relation is not None and relation.axis == "size":
        return "size"
    if relation is not None and relation.axis == "speed":
        return "speed"
    return named
