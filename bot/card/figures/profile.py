"""The profile: this quant and up to four others, task by task, with 95 % intervals where they are known."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bot.card.board import Board, Model, Role
from bot.card.figures.plain import named, short
from bot.card.numbers import task_title
from bot.measure.statistics import TWO_SIDED_95, is_accuracy
from bot.records import Record, TaskScore
from bot.review.pairing import pairs

MOST_MODELS, MOST_TASKS = 5, 12


class Mark(Record, frozen=True, kw_only=True):
    """One model's score on one task. `reach` is half of its 95 % interval; None: not known."""

    model: int
    value: float
    reach: float | None


class TaskRow(Record, frozen=True, kw_only=True):
    """One task. `chance` is what guessing gives, where that is known; `silent`: it says nothing here."""

    title: str
    marks: tuple[Mark, ...]
    chance: float | None = None
    silent: bool = False


class Profile(Record, frozen=True, kw_only=True):
    """What the picture shows: names of models (the subject first) with their roles, and a row a task."""

    names: tuple[str, ...]
    roles: tuple[Role, ...]
    rows: tuple[TaskRow, ...]
    left_out: int = 0

    @property
    def has_intervals(self) -> bool:
        return any(mark.reach is not None for row in self.rows for mark in row.marks)


def profile(board: Board) -> Profile | None:
    """What is to be drawn; None without any score of this quant."""
    asked = [task for task in board.tasks if _drawable(board.subject, task)][:MOST_TASKS]
    if not asked:
        return None
    models = _models(board, asked)
    rows = tuple(_row(board, task, models[:MOST_MODELS]) for task in asked)
    return Profile(
        names=tuple(named(model, 44) for model in models[:MOST_MODELS]),
        roles=tuple(model.role for model in models[:MOST_MODELS]),
        rows=rows,
        left_out=len(models[MOST_MODELS:]),
    )


def _models(board: Board, asked: list[str]) -> list[Model]:
    """The subject, the base, then the largest: what is nearest to the base is what a reader compares with."""
    others = [m for m in board.others if any(_comparable(board.subject, m, task) for task in asked)]
    others.sort(key=lambda m: (m.role != "base", m.size_bytes is None, -(m.size_bytes or 0), m.name))
    return [board.subject, *others]


def _drawable(model: Model, task: str) -> bool:
    """A share of right answers; what has another unit has no place on the axis."""
    found = model.scores.get(task)
    measured = _task(model, task)
    return found is not None and 0 <= found.value <= 1 and (measured is None or is_accuracy(measured))


def _comparable(subject: Model, model: Model, task: str) -> bool:
    """Whether both were asked alike, as far as that is known."""
    if not _drawable(model, task) or subject.measurement is None or model.measurement is None:
        return _drawable(model, task)
    asked = pairs(subject.measurement, model.measurement)
    return any(a.task == task and why_not is None for a, _, why_not in asked)


def _row(board: Board, task: str, models: list[Model]) -> TaskRow:
    measured = _task(board.subject, task)
    return TaskRow(
        title=short(task_title(task), 20),
        marks=tuple(
            _mark(at, model, task)
            for at, model in enumerate(models)
            if model is board.subject or _comparable(board.subject, model, task)
        ),
        chance=measured.chance if measured and measured.chance and 0 <= measured.chance <= 1 else None,
        silent=task in board.silent,
    )


def _mark(at: int, model: Model, task: str) -> Mark:
    found = model.scores[task]
    stderr = found.stderr
    known = stderr is not None and 0 <= stderr < math.inf
    return Mark(model=at, value=found.value, reach=TWO_SIDED_95 * stderr if stderr and known else None)


def _task(model: Model, task: str) -> TaskScore | None:
    tasks = model.measurement.tasks if model.measurement else ()
    return next((score for score in tasks if score.task == task), None)


def words(shown: Profile) -> str:
    """The picture in words, with every number it plots."""
    spread = ", ± half of the 95 % interval" if shown.has_intervals else ""
    names = "; ".join((f"{shown.names[0]} (this quant{spread})", *shown.names[1:]))
    order = ", in this order" if len(shown.names) > 1 else ""
    rows = "; ".join(f"{row.title} {', '.join(_said(shown, row))}" for row in shown.rows)
    more = f" {shown.left_out} more models are not shown." if shown.left_out else ""
    return f"Share of right answers on each task of {names}{order}. {rows}.{more}"


def _said(shown: Profile, row: TaskRow) -> Iterator[str]:
    marks = {mark.model: f"{mark.value:.3f}" if mark.model else score(mark) for mark in row.marks}
    for model in range(len(shown.names)):
        yield marks.get(model, "not known")
    if row.chance is not None:
        yield f"chance {row.chance:.3g}"
    if row.silent:
        yield "says nothing here"


def score(mark: Mark) -> str:
    """`0.453 ± 0.028`: with half of the 95 % interval."""
    return f"{mark.value:.3f}" + (f" ± {mark.reach:.3f}" if mark.reach else "")
