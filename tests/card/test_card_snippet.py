"""The Python on the card runs as printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bot.rehearsal
from bot.card.render import render
from bot.review.review import review
from tests.card.examples import card_facts, repo
from tests.card.parsed import fenced

BASES = Path(bot.rehearsal.__file__).parent / "bases"


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A folder in which the card's repo name leads to a small model, as after a download."""
    place = tmp_path / repo("qx86-hi")
    place.parent.mkdir(parents=True)
    place.symlink_to(next(BASES.glob("*Qwen3")), target_is_directory=True)
    return tmp_path


def test_snippet_loads_the_model_and_answers(downloads: Path) -> None:
    """Copied from the card into an empty file and run, it prints the model's answer."""
    (snippet,) = fenced(render(card_facts(), review(card_facts())).text, "python")
    (downloads / "copied.py").write_text(snippet)
    done = subprocess.run(
        [sys.executable, "copied.py"], cwd=downloads, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
