"""What a task's score is, for every kind of answer, from an LM whose answers are known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.model import LM

from bot.errors import VerificationFailed
from bot.measure import tasks
from bot.measure.definitions import LoadedTask, TaskBook
from bot.measure.results import Outcome
from bot.measure.statistics import says_nothing
from bot.records import MeasureSettings, TaskScore
from tests.measure import local_tasks
from tests.measure.local_tasks import QUESTIONS

SETTINGS = MeasureSettings(seed=5)


class Known(LM):  # type: ignore[misc]  # lm_eval has no types
    """Its likelihoods count letters, its texts are the first word asked; it keeps what was asked."""

    use_chat_template = False

    def __init__(self, broken: float = 0.0) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.broken = broken

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        self.asked += [request.args for request in requests]
        return [(-len(request.args[1]) + self.broken, len(request.args[1]) < 6) for request in requests]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        return [-float(len(request.args[0])) for request in requests]

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        return [request.args[0].split()[0] for request in requests]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return local_tasks.write(tmp_path)


def loaded(folder: Path, name: str) -> LoadedTask:
    return TaskBook((name,), (str(folder),)).load(name)


def measure(folder: Path, name: str, lm: Known | None = None, **more: Any) -> tuple[TaskScore, list[Outcome]]:
    settings = MeasureSettings(seed=5, **more)
    return tasks.measure(lm or Known(), loaded(folder, name), settings, "model")


def test_a_choice_has_positions_chance_and_majority(folder: Path) -> None:
    """The shortest choice is the likeliest; everything that can be counted of it is."""
    score, outcomes = measure(folder, "rivers")
    assert (score.task, score.metric, score.n, score.version) == ("rivers", "acc", QUESTIONS, "3.0")
    assert (score.few_shot, score.chat_template, len(score.task_hash)) == (0, False, 64)
    assert score.chance == pytest.approx(1 / 3)
    assert score.majority == max(score.correct) / QUESTIONS
    assert sum(score.answers) == sum(score.correct) == QUESTIONS
    assert all(outcome.correct == (outcome.answer == outcome.right) for outcome in outcomes)
    assert score.value == pytest.approx(sum(outcome.correct for outcome in outcomes) / QUESTIONS)


def test_a_generated_answer_is_kept_as_text(folder: Path) -> None:
    """Right or wrong is known of each question, positions are not, so nothing is counted by position."""
    (folder / "words.yaml").write_text(
        (folder / "words.yaml").read_text().replace("{{choices[answer]}}", "{{question.split()[0]}}")
    )
    score, outcomes = measure(folder, "words")
    assert (score.metric, score.value, score.stderr, score.n) == ("exact_match", 1.0, 0.0, QUESTIONS)
    assert (score.answers, score.correct, score.chance, score.majority) == ((), (), None, None)
    assert all(outcome.correct and outcome.text and outcome.answer is None for outcome in outcomes)


def test_a_single_likelihood_is_right_when_it_is_the_greedy_one(folder: Path) -> None:
    """`acc` comes before what the task lists first."""
    score, outcomes = measure(folder, "last")
    assert score.metric == "acc"
    assert score.value == pytest.approx(statistics.fmean(outcome.correct for outcome in outcomes))
    assert all(len(outcome.loglikelihoods) == 1 for outcome in outcomes)


def test_a_metric_that_is_no_share_has_no_outcomes_and_fools_no_statistics(folder: Path) -> None:
    """The first metric that the task reports, its error from resampling, and no sentence on chance."""
    score, outcomes = measure(folder, "story")
    assert (score.metric, score.n, outcomes) == ("word_perplexity", QUESTIONS, [])
    assert score.value > 1
    assert score.stderr > 0
    assert says_nothing(score) is None
    assert measure(folder, "story")[0] == score


def test_the_filter_whose_answers_are_scored_stands_with_the_metric(folder: Path) -> None:
    """Of several, the first; lm-eval's own name for both."""
    filters = (
        "filter_list:\n"
        "- {name: strict, filter: [{function: regex, regex_pattern: 'x(.*)'}, {function: take_first}]}\n"
        "- {name: loose, filter: [{function: take_first}]}\n"
    )
    (folder / "words.yaml").write_text((folder / "words.yaml").read_text() + filters)
    score, outcomes = measure(folder, "words")
    assert (score.metric, score.n, len(outcomes)) == ("exact_match,strict", QUESTIONS, QUESTIONS)
    assert {outcome.text for outcome in outcomes} == {"[invalid]"}


def test_limit_takes_the_first_questions(folder: Path) -> None:
    """As lm-eval's."""
    score, outcomes = measure(folder, "rivers", limit=3)
    assert (score.n, [outcome.question for outcome in outcomes]) == (3, [0, 1, 2])


def test_every_model_is_shown_the_same_examples(folder: Path) -> None:
    """Few-shot examples are drawn from the seed anew for each model, though the task is loaded once."""
    (folder / "rivers.yaml").write_text(
        (folder / "rivers.yaml").read_text() + "num_fewshot: 2\nfewshot_split: test\n"
    )
    task, first, second = loaded(folder, "rivers"), Known(), Known()
    score, _ = tasks.measure(first, task, SETTINGS, "first")
    tasks.measure(second, task, SETTINGS, "second")
    assert score.few_shot == 2
    assert first.asked == second.asked
    other = Known()
    tasks.measure(other, task, MeasureSettings(seed=6), "other seed")
    assert other.asked != first.asked


@pytest.mark.parametrize(
    ("task", "broken"), [("rivers", math.nan), ("rivers", -math.inf), ("last", math.nan)]
)
def test_a_likelihood_that_is_no_number_is_told(folder: Path, task: str, broken: float) -> None:
    """With the model, the task and the question."""
    with pytest.raises(VerificationFailed, match=f"model answers question 0 of {task} with a likelihood"):
        measure(folder, task, Known(broken))
