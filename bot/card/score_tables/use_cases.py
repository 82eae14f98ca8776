"""`use_cases`: which model for which need. A need is a group of tasks, the perplexity, the speed or the size.

The grouping of the seven tasks is by what their authors say they test; it is a reading aid, no measurement.
"""

from __future__ import annotations

import statistics

from bot.card.board import Board, Model
from bot.card.facts import Table
from bot.card.numbers import listed, size, task_title
from bot.card.score_tables.shown import Shown, against_of, heading, label, subject_of

NEEDS = {
    "Science questions that need reasoning": ("arc_challenge", "arc_easy"),
    "Common sense about everyday situations": ("hellaswag", "piqa", "winogrande"),
    "Answering from a text that is given": ("boolq",),
    "Elementary facts put to use": ("openbookqa",),
}


def use_cases(table: Table, board: Board) -> Shown:
    """A row for each need that the facts can answer."""
    models = (subject_of(table, board), *against_of(table, board))
    found = [_by_tasks(table, need, tasks, models) for need, tasks in NEEDS.items()]
    found += [_smallest(table, board), _fastest(table, board)]
    columns = table.columns or ("Need", "Take", "Why")
    return Shown(
        kind="use_cases",
        title=table.title,
        header=tuple(map(heading, columns)),
        rows=tuple(row for row in found if row),
    )


def _by_tasks(
    table: Table, need: str, tasks: tuple[str, ...], models: tuple[Model, ...]
) -> tuple[str, ...] | None:
    asked = [task for task in tasks if all(task in model.scores for model in models)]
    if not asked or len(models) < 2:
        return None
    means = {label(table, m): round(statistics.fmean(m.scores[t].value for t in asked), 6) for m in models}
    best = max(means.values())
    leaders = [name for name, value in means.items() if value == best]
    who = "either" if len(leaders) == len(means) == 2 else listed(leaders)
    numbers = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    titles = listed([task_title(task) for task in asked])
    return need, who, f"{'mean of ' if len(asked) > 1 else ''}{titles}: {numbers}"


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
