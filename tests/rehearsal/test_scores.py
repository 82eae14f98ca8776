"""What the bases know, measured by lm-eval's own tasks through mlx-lm's own lm-eval model."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rehearsal.bases import BASES, Base
from tests.rehearsal.conftest import FACT_TASKS, FEW_TASKS, FULL, TASKS

CHOICES = {"boolq": 2, "piqa": 2, "winogrande": 2}
CLEARLY = 4.0
"""Standard errors of guessing that a score must stand above chance."""


def above_chance(task: str, score: dict[str, float]) -> float:
    """How many standard errors of guessing `acc` is above guessing."""
    chance = 1 / CHOICES.get(task, 4)
    return float((score["acc"] - chance) / (chance * (1 - chance) / score["n"]) ** 0.5)


@pytest.mark.parametrize("name", FULL)
def test_the_real_tasks_load_from_the_stand_ins(name: str, scored: dict[str, Any]) -> None:
    """All seven task definitions of lm-eval run unmodified, on 60 to 100 questions each."""
    assert sorted(scored["scores"][name]) == sorted(TASKS)
    assert all(60 <= score["n"] <= 100 for score in scored["scores"][name].values())


@pytest.mark.parametrize("name", FULL)
def test_the_two_full_bases_know_their_world(name: str, scored: dict[str, Any]) -> None:
    """At least five of seven tasks are four standard errors above chance."""
    distances = {task: above_chance(task, score) for task, score in scored["scores"][name].items()}
    assert sum(distance >= CLEARLY for distance in distances.values()) >= 5, distances


@pytest.mark.parametrize("name", [base.name for base in BASES if base.name not in FULL])
def test_the_other_bases_know_something(name: str, scored: dict[str, Any]) -> None:
    """The other three are four standard errors above chance where they are asked."""
    distances = {task: above_chance(task, scored["scores"][name][task]) for task in FEW_TASKS}
    assert all(distance >= CLEARLY for distance in distances.values()), distances


@pytest.mark.parametrize("name", FULL)
def test_two_bits_lose_visibly(name: str, scored: dict[str, Any]) -> None:
    """At two bits the mean score over the tasks that ask for facts falls by more than five points."""
    mean = {
        key: sum(scored["scores"][key][task]["acc"] for task in FACT_TASKS) / len(FACT_TASKS)
        for key in (name, f"{name}@2")
    }
    assert mean[f"{name}@2"] < mean[name] - 0.05, mean


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_a_base_answers_and_stops(base: Base, scored: dict[str, Any]) -> None:
    """Loaded by mlx-lm from the Hub, it answers three prompts in a few words and ends each itself."""
    answers = {a["prompt"]: a for a in scored["answers"][base.name]}
    assert all(a["finish_reason"] == "stop" and 1 < a["tokens"] < 20 for a in answers.values())
    assert "Hello" in answers["hello"]["text"]
    assert "green" in answers["Name three colors of the rainbow."]["text"]
    assert "Paris" in answers["What is the capital of France?"]["text"]
