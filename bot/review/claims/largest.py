"""`the largest gain is on A`, `its strongest task is A`, `A suffers most`: one task among the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import TaskGroup
from bot.review.claims.findings import Reading, together
from bot.review.claims.judge import readings
from bot.review.claims.metrics import signed, title
from bot.review.claims.sides import sides
from bot.review.claims.standing import rank_of, standing_among, tasks_at
from bot.review.claims.words import Superlative

GAP = re.compile(r"\s+(?:gap|difference|distance|spread|discrepancy|swing|delta)\b", re.IGNORECASE)
_DEGREE = re.compile(
    r"\s+(?:the )?(?P<degree>most|least|hardest|furthest)\b(?=\s*(?:$|[,.;:(]|from|over|against|in)"
    r")",
    re.IGNORECASE,
)
OF_ALL = re.compile(
    r"\s+(?:single )?(?:score|result|number|value)\s+(?:of|in|on) (?:the|this) (?:whole|entire) "
    r"(?:table|board|chart|comparison)\b",
    re.IGNORECASE,
)


def suffers_most(work: Work) -> Iterator[Claim | None]:
    """`A suffers most`, `A gains the least`: the task where the difference is the largest or smallest."""
    for index in list(work.free()):
        token = work.clause.tokens[index]
        relation = token.relation
        if relation is None or not relation.sign or relation.axis not in ("quality", "value"):
            continue
        degree = _DEGREE.match(work.clause.text, token.end, work.clause.end)
        group = next((g for g in work.groups if g.last == index - 1), None)
        if degree is None or group is None or len(group.tasks) != 1:
            continue
        least = degree["degree"].lower() == "least"
        who = sides(work.scale, work.clause, work.context, index)
        if who.unknown or (who.said and not who.named):
            continue

        def judged(
            mine: Model,
            theirs: Sequence[Model],
            tasks: tuple[str, ...] = group.tasks,
            sign: int = relation.sign,
            least: bool = least,
        ) -> Reading:
            parts = [_best_task(work, mine, other, tasks, sign, least=least) for other in theirs]
            return together(parts) or Reading(holds=None, why="nothing to compare")

        yield work.claim(group.first, index, readings(who.subjects, who.rivals, judged))


def of_the_table(work: Work, index: int, word: Superlative) -> Claim | None:
    """`the best score of the whole table is A's on T`: over all models and tasks."""
    who = sides(work.scale, work.clause, work.context, index)
    tasks = work.groups[0].tasks
    if len(tasks) != 1 or len(who.subjects) != 1 or who.unknown:
        return None
    mine = work.scale.value(who.subjects[0], tasks[0])
    edge = max(score.value * word.sign for model in work.scale.scored for score in model.scores.values())
    right = None if mine is None else mine * word.sign >= edge - 1e-9
    told = f"{title(tasks[0])} of {who.subjects[0].label}: {mine}; of all scores the edge is {abs(edge):.3f}"
    return work.claim(index, index, [Reading(holds=right, why=told)])


def widest(work: Work, index: int) -> Claim | None:
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


def gain_behind(work: Work, index: int) -> int | None:
    """The place of `gain`, `loss`, `drop` right after the superlative."""
    tokens = work.clause.tokens
    for after in range(index + 1, min(index + 3, len(tokens))):
        relation = tokens[after].relation
        gap = work.clause.between(tokens[index], tokens[after])
        if (
            relation is not None
            and relation.sign
            and relation.axis in ("quality", "value")
            and len(gap.split()) <= 2
        ):
            return after
        if not tokens[after].kind("performance", "metric"):
            return None
    return None


def own_task(work: Work, index: int) -> tuple[str, ...]:
    """The task in `its strongest task is A`, `weakest result: A`: one among the model's own."""
    tokens = work.clause.tokens
    before = (
        work.clause.text[max(work.clause.start, tokens[index].start - 5) : tokens[index].start]
        .strip()
        .lower()
    )
    if before in ("its", "r its", "s its", "d its", ", its") or before.endswith(" its"):
        return tasks_at(work, index)
    if index + 2 >= len(tokens) or not tokens[index + 1].kind("performance") or not tokens[index + 2].tasks:
        return ()
    gap = work.clause.between(tokens[index + 1], tokens[index + 2]).strip(" *").lower()
    near = not work.clause.between(tokens[index], tokens[index + 1]).strip(" -")
    return (
        tokens[index + 2].tasks
        if near and gap in ("is", ":", "was", "remains", "is still", "comes on", "is on", "=")
        else ()
    )


def among_own(work: Work, index: int, word: Superlative, tasks: tuple[str, ...]) -> Claim | None:
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
        readings_.append(rank_of(work, mine, group, tasks[0], word))
    last = index + 2 if index + 2 < len(work.clause.tokens) and work.clause.tokens[index + 2].tasks else index
    return work.claim(index, last, readings_)


def _is_edge(values: dict[str, float], task: str, sign: int) -> bool | None:
    if task not in values:
        return None
    return values[task] * sign >= max(value * sign for value in values.values()) - 1e-9


def extreme_gain(work: Work, index: int, gain: int, word: Superlative) -> Claim | None:
    relation = work.clause.tokens[gain].relation
    assert relation is not None
    group = next((g for g in work.groups if g.first > gain), None) or (
        work.groups[-1] if work.groups else None
    )
    if group is None or _anew(work, gain, group):
        return None
    least = word.axis in ("size", "value") and word.sign < 0
    if work.quantifier() == "except":
        return None
    who = sides(work.scale, work.clause, work.context, index)

    def judged(mine: Model, theirs: Sequence[Model]) -> Reading:
        parts = [_best_task(work, mine, other, group.tasks, relation.sign, least=least) for other in theirs]
        return together(parts) or Reading(holds=None, why="nothing to compare")

    found = readings(who.subjects, who.rivals, judged)
    return work.claim(index, max(gain, index), found) if not who.unknown else None


def _anew(work: Work, gain: int, group: TaskGroup) -> bool:
    """`the largest loss is 0.2 points, and A gains`: the task behind the number begins a new statement."""
    tokens = work.clause.tokens
    before = tokens[group.first - 1]
    if group.first - 1 <= gain or before.quantity is None:
        return False
    return (
        re.search(r"\b(?:and|but|while|yet)\b", work.clause.between(before, tokens[group.first])) is not None
    )


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
