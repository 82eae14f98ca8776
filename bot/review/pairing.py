"""Two models on one task: whether they can be compared, and how they differ. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bot.measure.results import Outcome, Outcomes
from bot.measure.statistics import Difference, paired_difference, unpaired_difference
from bot.records import Measurement, TaskScore


def difference(mine: TaskScore, theirs: TaskScore, my: Outcomes, their: Outcomes) -> Difference:
    """`mine` minus `theirs`: paired where both sides' outcomes are known, of the same questions, and give
    the scores; unpaired otherwise."""
    here, there = _answers(mine, my), _answers(theirs, their)
    if here is None or there is None or here.keys() != there.keys():
        return unpaired_difference(theirs, mine)
    return paired_difference([there[question] for question in here], list(here.values()))


def _answers(score: TaskScore, kept: Outcomes) -> dict[tuple[int, str], bool] | None:
    """Whether each question was answered rightly; None where that is not known, or gives another score."""
    found = kept.get(score.outcomes) if score.outcomes else None
    if not found:
        return None
    answers = {_question(outcome): outcome.correct for outcome in found}
    right = sum(answers.values()) / len(answers)
    if len(answers) != score.n or not math.isclose(right, score.value, abs_tol=1e-6):
        return None
    return answers


def _question(outcome: Outcome) -> tuple[int, str]:
    return outcome.question, outcome.question_hash


def pairs(mine: Measurement, other: Measurement) -> Iterator[tuple[TaskScore, TaskScore, str | None]]:
    """Both scores of each task that both have, and why they cannot be compared where they cannot.

    Where a side has scores with and without the chat template, those that can be compared are taken.
    """
    theirs = (*other.tasks, *other.tasks_without_template)
    for task in dict.fromkeys(score.task for score in mine.tasks):
        found = [
            (a, b, why_not(mine, a, other, b))
            for a in (*mine.tasks, *mine.tasks_without_template)
            for b in theirs
            if a.task == b.task == task
        ]
        if found:
            yield next((pair for pair in found if pair[2] is None), found[0])


def why_not(mine: Measurement, a: TaskScore, other: Measurement, b: TaskScore) -> str | None:
    """Why score `a` of `mine` says nothing against score `b` of `other`: they were asked otherwise."""
    if a.metric != b.metric:
        return f"{a.metric} against {b.metric}"
    if a.version and b.version and a.version != b.version:
        return f"task version {a.version} against {b.version}"
    if a.task_hash and b.task_hash and a.task_hash != b.task_hash:
        return "the task is defined otherwise"
    if a.few_shot != b.few_shot:
        return f"{a.few_shot} examples against {b.few_shot}"
    if _templated(mine, a) != _templated(other, b):
        return f"{_asked(_templated(mine, a))} against {_asked(_templated(other, b))}"
    if mine.settings.seed != other.settings.seed:
        return f"seed {mine.settings.seed} against {other.settings.seed}"
    if a.n != b.n:
        asked, there = _questions(mine, a), _questions(other, b)
        return f"{asked} against {there}"
    return None


def _templated(measurement: Measurement, score: TaskScore) -> bool:
    """Older measurements do not say it for each score: the template was applied wherever there was one."""
    if score.chat_template is not None:
        return score.chat_template
    return measurement.settings.templates[0] and measurement.chat_template_sha256 is not None


def _asked(templated: bool) -> str:
    return "with the chat template" if templated else "without a chat template"


def _questions(measurement: Measurement, score: TaskScore) -> str:
    limit = measurement.settings.limit
    return f"the first {limit} questions" if limit else f"all {score.n} questions"
