"""`#1`, `best on A and B`, `lowest perplexity`, `the smallest`, `the largest gain is on A`, `flawless`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.context import Sides, sides, unique
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import readings, turned
from bot.review.claims.metrics import LOWER_IS_BETTER, MEAN, PARAMETERS, SIZE, SPEED, shown, signed, title
from bot.review.claims.thresholds import PERFECT
from bot.review.claims.words import Superlative

_GAP = re.compile(r"\s+(?:gap|difference|distance|spread|discrepancy|swing|delta)\b", re.IGNORECASE)
_FAMILY = re.compile(r"\b(?:family|families|siblings?|quants)\b", re.IGNORECASE)


def find(work: Work) -> Iterator[Claim]:
    """Claims that something stands first, last or at a rank."""
    for made in (*_perfect(work), *_superlatives(work)):
        if made is not None:
            yield made


def _perfect(work: Work) -> Iterator[Claim | None]:
    for index in list(work.free()):
        if not work.clause.tokens[index].kind("perfect"):
            continue
        tasks = _tasks(work, index)
        if not tasks:
            continue
        who = sides(work.scale, work.clause, work.context, index)
        found = []
        for mine in who.subjects:
            for task in tasks:
                value = work.scale.value(mine, task)
                told = (
                    f"{title(task)} of {mine.label} is {shown(task, value)}"
                    if value is not None
                    else "not known"
                )
                right = None if value is None else value >= PERFECT
                found.append(Reading(holds=right, why=f"{told}; the word wants at least {PERFECT}"))
        whole = together(found)
        yield work.claim(index, index, turned([whole] if whole else [], negative=work.negative(index)))


def _tasks(work: Work, index: int) -> tuple[str, ...]:
    group = work.tasks_for(index)
    return group.tasks if group else work.context.tasks


def _superlatives(work: Work) -> Iterator[Claim | None]:
    tokens = work.clause.tokens
    for index in list(work.free()):
        token = tokens[index]
        rank = token.quantity is not None and token.quantity.kind == "rank"
        if token.superlative is None and not rank:
            continue
        word = token.superlative or Superlative(sign=1, rank=int(token.quantity.low) if token.quantity else 1)
        gain = _gain(work, index)
        if _GAP.match(work.clause.text, tokens[index].end) and work.groups and word.sign > 0:
            yield _widest(work, index)
            continue
        if (tasks := _own_task(work, index)) and token.superlative is not None:
            yield _among_own(work, index, word, tasks)
            continue
        if gain is not None and (work.groups or work.context.tasks):
            yield _extreme_gain(work, index, gain, word)
        elif metrics := _metrics(work, index, word):
            yield _standing(work, index, word, metrics)


def _widest(work: Work, index: int) -> Claim | None:
    """`the biggest gap between A and B is on T`, whoever is ahead there."""
    who = sides(work.scale, work.clause, work.context, index)
    task = next((g for g in work.groups if g.first > index), work.groups[-1]).tasks[0]

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        parts = []
        for other in theirs:
            moves = {t: work.scale.gap(mine, other, t).delta or 0.0 for t in work.scale.shared(mine, other)}
            told = ", ".join(f"{title(t)} {signed(t, move)}" for t, move in moves.items())
            sizes = {t: abs(move) for t, move in moves.items()}
            parts.append(Reading(holds=_is_edge(sizes, task, 1), why=f"against {other.label}: {told}"))
        return together(parts) or Reading(holds=None, why="nothing to compare")

    return work.claim(index, index, readings(who.subjects, who.rivals, judged))


def _gain(work: Work, index: int) -> int | None:
    """The place of `gain`, `loss`, `drop` right after the superlative."""
    tokens = work.clause.tokens
    for after in range(index + 1, min(index + 3, len(tokens))):
        relation = tokens[after].relation
        gap = work.clause.between(tokens[index], tokens[after])
        if relation is not None and relation.sign and relation.axis == "quality" and len(gap.split()) <= 2:
            return after
        if not tokens[after].kind("performance", "metric"):
            return None
    return None


def _own_task(work: Work, index: int) -> tuple[str, ...]:
    """The task in `its strongest task is A`, `weakest result: A`: one among the model's own."""
    tokens = work.clause.tokens
    before = (
        work.clause.text[max(work.clause.start, tokens[index].start - 5) : tokens[index].start]
        .strip()
        .lower()
    )
    if before in ("its", "r its", "s its", "d its", ", its") or before.endswith(" its"):
        return _tasks(work, index)
    if index + 2 >= len(tokens) or not tokens[index + 1].kind("performance") or not tokens[index + 2].tasks:
        return ()
    gap = work.clause.between(tokens[index + 1], tokens[index + 2]).strip(" *").lower()
    near = not work.clause.between(tokens[index], tokens[index + 1]).strip(" -")
    return (
        tokens[index + 2].tasks
        if near and gap in ("is", ":", "was", "remains", "is still", "comes on", "is on", "=")
        else ()
    )


def _among_own(work: Work, index: int, word: Superlative, tasks: tuple[str, ...]) -> Claim | None:
    """First or last among the model's own scores, or among its differences to a rival, or among models."""
    who = sides(work.scale, work.clause, work.context, index)
    mine = who.subjects[0]
    own = {task: score.value for task, score in mine.scores.items()}
    told = f"the scores of {mine.label}: " + ", ".join(f"{title(t)} {v:.3f}" for t, v in own.items())
    readings_ = [Reading(holds=_is_edge(own, tasks[0], word.sign), why=told)]
    for other in (other for group in who.rivals for other in group):
        deltas = {t: work.scale.gap(mine, other, t).delta or 0.0 for t in work.scale.shared(mine, other)}
        readings_.append(
            Reading(holds=_is_edge(deltas, tasks[0], word.sign), why=f"by the difference to {other.label}")
        )
    for group in standing_among(work, who):
        readings_.append(_rank(work, mine, group, tasks[0], word))
    last = index + 2 if index + 2 < len(work.clause.tokens) and work.clause.tokens[index + 2].tasks else index
    return work.claim(index, last, readings_)


def _is_edge(values: dict[str, float], task: str, sign: int) -> bool | None:
    if task not in values:
        return None
    return values[task] * sign >= max(value * sign for value in values.values()) - 1e-9


def _extreme_gain(work: Work, index: int, gain: int, word: Superlative) -> Claim | None:
    relation = work.clause.tokens[gain].relation
    assert relation is not None
    group = next((g for g in work.groups if g.first > gain), None) or (
        work.groups[-1] if work.groups else None
    )
    if group is None:
        return None
    least = word.axis == "size" and word.sign < 0
    who = sides(work.scale, work.clause, work.context, index)

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        parts = [_best_task(work, mine, other, group.tasks, relation.sign, least=least) for other in theirs]
        return together(parts) or Reading(holds=None, why="nothing to compare")

    found = readings(who.subjects, who.rivals, judged)
    return work.claim(index, max(gain, index), found) if not who.unknown else None


def _best_task(
    work: Work, mine: Model, theirs: Model, tasks: tuple[str, ...], sign: int, *, least: bool
) -> Reading:
    deltas = {
        task: work.scale.gap(mine, theirs, task).delta or 0.0 for task in work.scale.shared(mine, theirs)
    }
    if not deltas or any(task not in deltas for task in tasks):
        return Reading(holds=None, why=f"not all scores of {mine.label} and {theirs.label} are known")
    of_sign = {task: delta * sign for task, delta in deltas.items() if delta * sign > 0}
    told = ", ".join(
        f"{title(t)} {signed(t, d)}" for t, d in sorted(deltas.items(), key=lambda each: -each[1] * sign)
    )
    if not of_sign:
        return Reading(holds=False, why=f"against {theirs.label} there is none: {told}")
    edge = min(of_sign.values()) if least else max(of_sign.values())
    right = all(task in of_sign and abs(of_sign[task] - edge) <= 0.0005 for task in tasks[:1])
    return Reading(holds=right, why=f"against {theirs.label}: {told}")


def _metrics(work: Work, index: int, word: Superlative) -> tuple[str, ...]:
    """What it is first in: size and speed by the word, else a named metric, else tasks."""
    if word.axis == "size":
        return (SIZE,)
    if word.axis == "speed":
        return (SPEED,)
    named = work.metric()
    near = _near_metric(work, index) if named else False
    if named and named != MEAN and (near or not (work.groups or named == PARAMETERS)):
        return (named,)
    if work.quantifier() == "except" and work.excluded():
        return tuple(task for task in work.scale.tasks if task not in work.excluded())
    if work.quantifier() == "all" and not work.groups:
        return work.scale.tasks
    if work.groups:
        return _tasks(work, index)
    if named == MEAN and (near or (work.clause.has("performance") and not work.context.tasks)):
        return (MEAN,)
    return work.context.tasks if _close_to_row(work, index) else ()


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


def _standing(work: Work, index: int, word: Superlative, metrics: tuple[str, ...]) -> Claim | None:
    who = sides(work.scale, work.clause, work.context, index)
    if who.unknown:
        return work.claim(
            index, index, [Reading(holds=None, why="it speaks of a model that these facts do not have")]
        )
    groups = standing_among(work, who)

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        parts = [_rank(work, mine, theirs, metric, word) for metric in metrics]
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
    if len(told) > 1 or (told and work.context.fixed):
        sets.append(told)
    return list(unique((*sets, others)))


def _rank(work: Work, mine: Model, theirs: Sequence[Model], metric: str, word: Superlative) -> Reading:
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
