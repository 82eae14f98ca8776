"""`use_cases`: which model for which need. A need is a group of tasks, the speed or the size.

The grouping of the seven tasks is by what their authors say they test; it is a reading aid, no measurement.
Where standard errors are known, what is within noise of the best counts as good as the best, and the
smallest of those is the one to take.
"""

from __future__ import annotations

import math
import statistics

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import listed, size, task_title
from bot.card.score_tables.shown import Shown, against_of, heading, label, subject_of, told_by
from bot.measure.statistics import TWO_SIDED_95
from bot.records import Record

NEEDS = {
    "Science questions that need reasoning": ("arc_challenge", "arc_easy"),
    "Common sense about everyday situations": ("hellaswag", "piqa", "winogrande"),
    "Answering from a text that is given": ("boolq",),
    "Elementary facts put to use": ("openbookqa",),
}


class Mean(Record, frozen=True, kw_only=True):
    """A model's mean accuracy over some tasks; the error is that of independent tasks, None if unknown."""

    name: str
    value: float
    stderr: float | None
    size_bytes: int | None


def use_cases(table: Table, board: Board) -> Shown:
    """A row for each need that the facts can answer."""
    models = (subject_of(table, board), *against_of(table, board))
    found = [_by_tasks(table, board, need, tasks, models) for need, tasks in NEEDS.items()]
    found += [_smallest(table, board), _fastest(table, board)]
    columns = table.columns or ("Need", "Take", "Why")
    return Shown(
        kind="use_cases",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=tuple(row for row in found if row),
        explained=tuple(f"{row[0]}: {row[1]}, because {row[2]}" for row in found if row),
    )


def _all_have(task: str, models: tuple[Model, ...]) -> bool:
    return all(task in model.scores for model in models)


def _by_tasks(
    table: Table, board: Board, need: str, tasks: tuple[str, ...], models: tuple[Model, ...]
) -> tuple[str, ...] | None:
    asked = [task for task in told_by(board, models) if task in tasks and _all_have(task, models)]
    if not asked or len(models) < 2:
        return None
    means = [_mean(label(table, model), model, asked) for model in models]
    titles = listed([task_title(task) for task in asked])
    numbers = ", ".join(f"{mean.name} {mean.value:.3f}" for mean in means)
    who, why = _choice(means)
    return need, who, f"{'mean of ' if len(asked) > 1 else ''}{titles}: {numbers}{why}"


def _mean(name: str, model: Model, tasks: list[str]) -> Mean:
    scores = [model.scores[task] for task in tasks]
    errors = [score.stderr for score in scores]
    stderr = None if None in errors else math.hypot(*(e for e in errors if e is not None)) / len(errors)
    value = round(statistics.fmean(score.value for score in scores), 6)
    return Mean(name=name, value=value, stderr=stderr, size_bytes=model.size_bytes)


def _choice(means: list[Mean]) -> tuple[str, str]:
    """Whom to take, and what has to be added to the numbers."""
    best = max(means, key=lambda mean: mean.value)
    equal = [mean for mean in means if mean is best or _alike(mean, best)]
    if len(equal) == 1:
        return best.name, ""
    known = best.stderr is not None
    why = " (within noise)" if known and any(mean.value != best.value for mean in equal) else ""
    if all(mean.size_bytes for mean in equal):
        least = min(equal, key=lambda mean: mean.size_bytes or 0)
        return least.name, f"{why}; the smallest of {listed([mean.name for mean in equal])}"
    return ("either" if len(equal) == len(means) == 2 else listed([mean.name for mean in equal])), why


def _alike(mean: Mean, best: Mean) -> bool:
    if mean.stderr is None or best.stderr is None:
        return mean.value == best.value
    return best.value - mean.value <= TWO_SIDED_95 * math.hypot(mean.stderr, best.stderr)


def _smallest(table: Table, board: Board) -> tuple[str, ...] | None:
    sized = [m for m in board.family if m.size_bytes]
    if len(sized) < 2:
        return None
    least = min(sized, key=lambda m: m.size_bytes or 0)
    return "Least memory", label(table, least), f"its files take {least.size or size(least.size_bytes)}"


def _fastest(table: Table, board: Board) -> tuple[str, ...] | None:
    timed = [m for m in board.family if m.tokens_per_second]
    if len(timed) < 2 or len({m.chip for m in timed}) > 1:
        return None
    most = max(timed, key=lambda m: m.tokens_per_second or 0)
    return "Most tokens a second", label(table, most), f"{most.tokens_per_second:.1f} tokens a second"
