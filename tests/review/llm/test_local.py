"""Reviews by a model on this machine, through mlx-lm in a child process, on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import Cancelled
from bot.review.llm import Reviewed, ReviewSettings, write
from tests.measure import tiny
from tests.review.llm import parrot
from tests.review.llm.card import AHEAD, BEHIND, BOARD, FACTS, GOOD_SHOWN, LIE, TAKE, check

LINES = (
    f"{AHEAD} ",
    f"{BEHIND}\n\n",
    f"- {TAKE}\n",
    "- Take it where the questions are hard ",
    "and there is room for it.",
)


def outcome(local: Path, child_log: Path, **settings: int | float) -> tuple[Reviewed | None, list[str]]:
    log: list[str] = []
    asked = ReviewSettings(local=str(local), **{"max_tokens": 40, "attempts": 1} | settings)  # type: ignore[arg-type]
    return write(FACTS, BOARD, asked, check=check, log=log.append, child_log=child_log), log


def test_a_local_model_writes_the_review(tmp_path: Path) -> None:
    """What mlx-lm really generates, by the chat template and to the end token, becomes a checked review."""
    reviewed, log = outcome(parrot.folder(tmp_path / "Marmot-Writer", LINES), tmp_path / "child.log")
    assert reviewed is not None, log
    assert reviewed.text == GOOD_SHOWN
    assert reviewed.model == "Marmot-Writer"


def test_a_local_model_that_only_lies_is_heard_again_and_then_cut(tmp_path: Path) -> None:
    """The refused sentence goes to a second run of the model; it says the same, and nothing is left."""
    reviewed, log = outcome(parrot.folder(tmp_path / "Liar", [LIE]), tmp_path / "child.log")
    assert reviewed is None
    assert "1 taken out" in log[-1]


def test_a_random_model_writes_nonsense_which_is_no_review(tmp_path: Path) -> None:
    """A model with random weights ends in one sentence, whatever comes out of it."""
    reviewed, log = outcome(tiny.model_folder(tmp_path / "Random"), tmp_path / "child.log", attempts=0)
    assert reviewed is None
    assert len(log) == 1
    assert log[0].startswith("No review by Random, the computed sentences stand alone: ")


def test_a_model_that_does_not_load_is_one_sentence(tmp_path: Path) -> None:
    """A folder without a model: what is wrong and which folder."""
    (tmp_path / "Empty").mkdir()
    reviewed, log = outcome(tmp_path / "Empty", tmp_path / "child.log")
    assert reviewed is None
    assert "Empty does not load" in log[0]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """A path that is neither a folder nor owner/name is told as such."""
    reviewed, log = outcome(tmp_path / "nowhere", tmp_path / "child.log")
    assert reviewed is None
    assert "no folder and no repo" in log[0]


def test_a_slow_local_model_is_left(tmp_path: Path) -> None:
    """The time holds for loading and writing together."""
    reviewed, log = outcome(tiny.model_folder(tmp_path / "Slow"), tmp_path / "child.log", timeout=0.1)
    assert reviewed is None
    assert "took more than 0.1 seconds" in log[0]


def test_cancelling_ends_the_child(tmp_path: Path) -> None:
    """`bot cancel` ends the model's process and is passed on."""
    settings = ReviewSettings(local=str(tiny.model_folder(tmp_path / "Any")))
    with pytest.raises(Cancelled):
        write(FACTS, BOARD, settings, check=check, log=lambda _: None, cancelled=lambda: True)
