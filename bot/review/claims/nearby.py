"""What stands near a word of a clause: its strength, bound, relation, tasks and metric."""

from __future__ import annotations

import re

from bot.review.claims.clause import Clause, TaskGroup, task_groups
from bot.review.claims.context import Context
from bot.review.claims.metrics import MEAN, MEAN_OF, Scale

_AFTERTHOUGHTS = ("give or take", "more or less", "or so")
_MARKS = {"\u2265": "least", ">": "least", "\u2264": "most", "<": "most", "~": "about"}
_ERROR = re.compile(
    r"\b(?:errors?|noise|deviations?|stderr|uncertainty|sigma)\s*(?:of|is|are|:|=|at|\(|)\s*"
    r"(?:about |only |just )?$",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\s*\([^()]{1,30}\)\s*(?:,|and|, and|&|as well as)\s*(?:on |in )?", re.IGNORECASE)


class Nearby:
    """One clause with what was said before it; `anchor` is always the place of one of its tokens."""

    def __init__(self, scale: Scale, clause: Clause, context: Context) -> None:
        self.scale = scale
        self.clause = clause
        self.context = context
        self.groups = task_groups(clause)

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
        """`about`, `at least`, `up to` before a number, `give or take` somewhere behind it."""
        if any(t.kind("bound") and self._text(t) in _AFTERTHOUGHTS for t in self.clause.tokens[anchor + 1 :]):
            return "about"
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

    def of_an_error(self, anchor: int) -> bool:
        """`below the standard error of 0.095`: the number is of no model."""
        start = self.clause.tokens[anchor].start
        return _ERROR.search(self.clause.text, max(self.clause.start, start - 40), start) is not None

    def nearest_relation(self, anchor: int, *, reach: int = 4) -> int | None:
        """The relation word that belongs to a number: the nearest before or after it."""
        best: tuple[int, int] | None = None
        tokens = self.clause.tokens
        for index, token in enumerate(tokens):
            if token.relation is None or abs(index - anchor) > reach or self._text(token) in "<>":
                continue
            first, second = sorted((index, anchor))
            if self._of_another(first, second):
                continue
            between = tokens[first + 1 : second]
            gap = self.clause.between(tokens[first], tokens[second])
            words = len(gap.split()) + (3 if any(mark in gap for mark in ",;") else 0)
            if index > anchor and ")" in gap and "(" not in gap:
                continue  # the number is in brackets, the word is not
            if index > anchor and "(" in gap:
                words += 4
            if any(each.quantity for each in between):
                words += 6
            if best is None or words < best[0]:
                best = words, index
        return best[1] if best and best[0] <= 12 else None

    def _of_another(self, first: int, second: int) -> bool:
        """`A takes four tasks, B one, and they draw on T`: between lies a comma and somebody else."""
        tokens = self.clause.tokens
        for index in range(first + 1, second):
            if (tokens[index].is_model or tokens[index].kind("pronoun")) and tokens[index - 1].quantity:
                before = self.clause.between(tokens[index - 1], tokens[index])
                if before.strip() in (",", ", and", ", but", "; ") and not any(
                    t.kind("link") for t in tokens[index - 1 : index]
                ):
                    return True
        return False

    def listed(self, anchor: int) -> tuple[int, int] | None:
        """The place of a number in a list of bare numbers, and how many there are; None outside of one."""
        first = last = anchor
        while first and self._goes_on(first - 1):
            first -= 1
        while last + 1 < len(self.clause.tokens) and self._goes_on(last):
            last += 1
        return (anchor - first, last - first + 1) if last > first else None

    def _goes_on(self, index: int) -> bool:
        one, other = self.clause.tokens[index], self.clause.tokens[index + 1]
        if one.quantity is None or other.quantity is None:
            return False
        return self.clause.between(one, other).strip() in (",", "and", ", and", "/", "&", "or", ", or")

    def tasks_for(self, anchor: int) -> TaskGroup | None:
        """The tasks a number speaks of: those in front of its bracket, those after `on`, else the nearest."""
        tokens = self.clause.tokens
        groups = [group for group in self.groups if not self._is_exception(group)] or self.groups
        if not groups:
            return None
        before = [group for group in groups if group.last < anchor]
        after = [g for g in groups if g.first > anchor and not self._has_its_own(anchor, g)]
        if before and self._announces(before[-1].last, anchor):
            return before[-1]
        if before and self._alone(before[-1].last, anchor):
            gap = self.clause.between(tokens[before[-1].last], tokens[anchor])
            if "(" in gap or ":" in gap or not after:
                return before[-1]
        if after and self._alone(anchor, after[0].first):
            gap = self.clause.between(tokens[anchor], tokens[after[0].first])
            listed = bool(before) and gap.strip().lower() in ("and", "while", "but")
            anew = any(t.superlative for t in tokens[anchor + 1 : after[0].first])
            if not listed and not anew and not any(mark in gap for mark in ",;)"):
                return after[0]
        if before:
            return before[-1]
        return after[0] if after else None

    def _announces(self, task: int, number: int) -> bool:
        """`on A with 5.2 points`: the number is announced by the task before it."""
        gap = self.clause.between(self.clause.tokens[task], self.clause.tokens[number])
        told = gap.strip(" ,").lower()
        return not gap.strip() or told in (
            "with",
            "with a",
            "with just",
            "with only",
            "by",
            "by just",
            "by only",
        )

    def _is_exception(self, group: TaskGroup) -> bool:
        word = self.clause.tokens[group.first - 1].word if group.first else None
        return word is not None and word.value == "except"

    def _has_its_own(self, anchor: int, group: TaskGroup) -> bool:
        """`half a point: A (-0.7)`, `half a point, and A gains`: that task has its own statement."""
        tokens = self.clause.tokens
        following = tokens[group.last + 1] if group.last + 1 < len(tokens) else None
        if following is None:
            return False
        gap = self.clause.between(tokens[anchor], tokens[group.first])
        verb = following.relation is not None and not following.relation.noun
        return (":" in gap and following.quantity is not None) or (", and" in gap and verb)

    def spread(self, group: TaskGroup | None) -> TaskGroup | None:
        """With the tasks that go on behind numbers in brackets: `A (57.9 %), B (73.1 %) and C`."""
        for following in self.groups:
            if group is None or following.first <= group.last:
                continue
            gap = self.clause.between(self.clause.tokens[group.last], self.clause.tokens[following.first])
            if _IN_BRACKETS.fullmatch(gap) is None:
                break
            tasks = tuple(dict.fromkeys((*group.tasks, *following.tasks)))
            group = TaskGroup(tasks=tasks, first=group.first, last=following.last)
        return group

    def _alone(self, first: int, last: int) -> bool:
        return not any(self.clause.tokens[i].quantity for i in range(first + 1, last))

    def metric(self) -> str:
        """The metric named in the clause, or the one that was spoken of."""
        named = (t.word.value for t in self.clause.tokens if t.word and t.word.kind == "metric")
        return next(named, "")

    def metric_at(self, anchor: int) -> str:
        """The metric of a number: the nearest before it that no other number took, else one after it."""
        tokens = self.clause.tokens
        if metric := self._behind_relation(anchor):
            return metric
        next_ = [token for token in tokens[anchor + 1 : anchor + 3] if not token.kind("pronoun")]
        following = next_[0] if next_ else None
        if following is not None and following.kind("metric") and following.word is not None:
            gap = self.clause.between(tokens[anchor], following).strip().lower()
            if gap in ("in", "of", "of the", "in the", "", "the", "its", "more", "less", "of its", "in its"):
                return following.word.value
        for indices in (range(anchor - 1, -1, -1), range(anchor + 1, len(tokens))):
            for index in indices:
                word = tokens[index].word
                if word is not None and word.kind == "metric":
                    return word.value
                if tokens[index].quantity is not None:
                    break
        return self.metric() if self.metric() == MEAN or not self.groups else ""

    def _behind_relation(self, anchor: int) -> str:
        """`0.026 higher in perplexity`."""
        tokens = self.clause.tokens
        if anchor + 2 >= len(tokens) or tokens[anchor + 1].relation is None:
            return ""
        word = tokens[anchor + 2].word
        beside = self.clause.between(tokens[anchor + 1], tokens[anchor + 2]).strip().lower() == "in"
        return word.value if word is not None and word.kind == "metric" and beside else ""

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

    def rest(self) -> tuple[str, ...]:
        """The tasks that `the others` are, besides those said before; none where nothing was said."""
        tokens = (*self.clause.earlier, *self.clause.tokens)
        said = (
            {task for token in tokens for task in token.tasks}
            or {*self.context.tasks}
            or {*self.context.said}
        )
        return tuple(task for task in self.scale.tasks if task not in said) if said else ()

    def excluded(self) -> set[str]:
        """The tasks behind an `except`."""
        after = False
        tasks: set[str] = set()
        for token in self.clause.tokens:
            after = after or (token.word is not None and token.word.value == "except")
            tasks |= set(token.tasks) if after else set()
        return tasks
