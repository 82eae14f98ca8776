"""Who stands first, last or at a rank, of whom, and in what."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.context import unique
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import turned
from bot.review.claims.metrics import LOWER_IS_BETTER, MEAN, PARAMETERS, SIZE, SPEED, shown, title
from bot.review.claims.quantities import count
from bot.review.claims.sides import Sides, sides
from bot.review.claims.words import Superlative

_FAMILY = re.compile(r"\b(?:family|families|siblings?|quants)\b", re.IGNORECASE)
_QUANTS = re.compile(r"\bquants?\b", re.IGNORECASE)
_OF_N = re.compile(
    r"\b(?:first|second|third|fourth|best|worst|last|\w+est) (?:out )?of (?:the |all )?"
    r"(?P<n>three|four|five|six|seven|eight|[3-8])\b(?! (?:tasks|benchmarks|tests|metrics))",
    re.IGNORECASE,
)
_ACCURATE = ("most accurate", "least accurate", "more accurate")


def tasks_at(work: Work, index: int) -> tuple[str, ...]:
    group = work.spread(work.tasks_for(index))
    return group.tasks if group else work.context.tasks


def metrics_at(work: Work, index: int, word: Superlative) -> tuple[str, ...]:
    """What it is first in: size and speed by the word, else a named metric, else tasks."""
    if word.axis == "size":
        return (SIZE,)
    if word.axis == "speed":
        return (SPEED,)
    token = work.clause.tokens[index]
    if work.clause.text[token.start : token.end].lower() in _ACCURATE and not work.groups:
        return (MEAN,)
    named = work.metric()
    near = _near_metric(work, index) if named else False
    if not near and named != MEAN and _of_scores(work, index):
        named = ""
    if named and named != MEAN and (near or not (work.groups or named == PARAMETERS)):
        return (named,)
    if work.quantifier() == "except" and work.excluded():
        return tuple(task for task in work.scale.tasks if task not in work.excluded())
    if work.quantifier() == "all" and not work.groups:
        return work.scale.tasks
    if any(t.word and t.word.value == "else" for t in work.clause.tokens[index + 1 : index + 3]):
        return work.rest()
    if work.groups:
        return tasks_at(work, index)
    if named == MEAN and (near or (work.clause.has("performance") and not work.context.tasks)):
        return (MEAN,)
    return work.context.tasks if _close_to_row(work, index) else ()


def _of_scores(work: Work, index: int) -> bool:
    """`the lowest perplexity and the highest score`: the second is of scores."""
    tokens = work.clause.tokens
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    return (
        after is not None
        and after.kind("performance")
        and not work.clause.between(tokens[index], after).strip()
    )


def _near_metric(work: Work, index: int) -> bool:
    """`lowest perplexity`, `perplexity: best`: the metric's word stands beside the superlative."""
    tokens = work.clause.tokens
    for other in (index - 1, index + 1, index + 2):
        if 0 <= other < len(tokens) and tokens[other].kind("metric"):
            first, second = sorted((index, other))
            if len(work.clause.between(tokens[first], tokens[second]).split()) <= 1:
                return True
    return False


def _close_to_row(work: Work, index: int) -> bool:
    """`Lowest score`, `#1`, alone in a cell: the row says of what. `best balance` says its own."""
    token = work.clause.tokens[index]
    if token.quantity is not None:
        return True
    following = work.clause.text[token.end : work.clause.end].strip().lower()
    return following[:1] in ("", ",", ".", ")", "-", "\u2013", "\u2014", ":") or following.startswith(
        (
            "score",
            "result",
            "accuracy",
            "of ",
            "among",
            "here",
            "overall",
            "value",
            "performance",
            "on ",
            "in the",
        )
    )


def standing(work: Work, index: int, word: Superlative, metrics: tuple[str, ...]) -> Claim | None:
    who = sides(work.scale, work.clause, work.context, index)
    if who.unknown:
        return work.claim(
            index, index, [Reading(holds=None, why="it speaks of a model that these facts do not have")]
        )
    groups = standing_among(work, who)

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        parts = [rank_of(work, mine, theirs, metric, word) for metric in metrics]
        return together(parts) or Reading(holds=None, why="nothing to compare")

    found = [
        whole
        for group in groups
        if (whole := together([judged(m, [o for o in group if o is not m]) for m in who.subjects]))
    ]
    return work.claim(index, _reach(work, index), turned(found, negative=work.negative(index)))


def _reach(work: Work, index: int) -> int:
    """The claim goes on over `score` and over tasks behind it, as long as no number lies between."""
    tokens, last = work.clause.tokens, index
    while last + 1 < len(tokens):
        following = tokens[last + 1]
        if not (following.tasks or following.kind("performance", "such", "group", "metric")):
            break
        last += 1
    while last > index and tokens[last].kind("such"):
        last -= 1
    return last


def standing_among(work: Work, who: Sides) -> list[tuple[Model, ...]]:
    """First among whom: the named rivals, else what a table shows together, else all."""
    if who.named and who.rivals:
        return list(who.rivals)
    everyone = work.scale.board.models
    others = tuple(model for model in everyone if model not in who.subjects)
    sets = [
        tuple(m for m in everyone if m.name in names and m not in who.subjects) for names in work.context.sets
    ]
    told = tuple(m for m in everyone if m.name in work.context.rivals and m not in who.subjects)
    if _FAMILY.search(work.clause.text, work.clause.start, work.clause.end):
        sets.append(tuple(m for m in others if m.role != "rival"))
    if _QUANTS.search(work.clause.text, work.clause.start, work.clause.end):
        sets.append(tuple(m for m in others if m.role != "base"))
        sets.append(tuple(m for m in others if m.role not in ("base", "rival")))
    if len(told) > 1 or (told and work.context.fixed):
        sets.append(told)
    return _of_so_many(work, list(unique((*sets, others))))


def _of_so_many(work: Work, groups: list[tuple[Model, ...]]) -> list[tuple[Model, ...]]:
    """`second of four`: among four, if there are such."""
    told = _OF_N.search(work.clause.text, work.clause.start, work.clause.end)
    fitting = [group for group in groups if told is not None and len(group) + 1 == count(told["n"])]
    return fitting or groups


def rank_of(work: Work, mine: Model, theirs: Sequence[Model], metric: str, word: Superlative) -> Reading:
    value = work.scale.value(mine, metric)
    others = [(o, v) for o in theirs if (v := work.scale.value(o, metric)) is not None]
    if value is None or not others:
        lacking = mine.label if value is None else "the others"
        return Reading(holds=None, why=f"no {title(metric)} of {lacking} is known")
    upwards = word.sign > 0
    if metric in LOWER_IS_BETTER and word.axis == "quality" and not _by_value(work, word):
        upwards = not upwards
    ahead = [o for o, v in others if (v > value + 1e-9 if upwards else v < value - 1e-9)]
    level = [o for o, v in others if abs(v - value) <= 1e-9]
    right = len(ahead) <= word.rank - 1 <= len(ahead) + len(level)
    listed = ", ".join(
        f"{o.label} {shown(metric, v)}" for o, v in sorted(others, key=lambda each: -each[1])[:8]
    )
    return Reading(holds=right, why=f"{title(metric)}: {mine.label} {shown(metric, value)}; {listed}")


def _by_value(work: Work, word: Superlative) -> bool:
    """`highest perplexity` is meant by its value, `best perplexity` is not."""
    said = {work.clause.text[t.start : t.end].lower() for t in work.clause.tokens if t.superlative is word}
    return bool(said & {"highest", "top", "lowest", "largest"})
