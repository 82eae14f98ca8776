"""How often the checker is right: on the published cards, and on claims over invented boards."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.review.claims.rates import PARAPHRASES, SEEDS, Answer, paraphrases, seeds


def _pairs(answers: list[Answer]) -> Counter[tuple[str, str]]:
    return Counter((answer.verdict, answer.said) for answer in answers)


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the published cards are not beside the repository")
def test_the_claims_of_published_cards() -> None:
    """At least 25 of the 29 false claims of five published cards are found, no true one is called false."""
    pairs = _pairs(seeds())
    assert pairs["false", "false"] >= 25
    assert pairs["true", "false"] == 0


@pytest.mark.parametrize(("name", "found", "mistaken"), [("development", 0.95, 0), ("held out", 0.9, 1)])
def test_paraphrases_over_invented_boards(name: str, found: float, mistaken: int) -> None:
    """Most false claims are found, hardly a true one is called false; nobody tuned on the held-out ones."""
    answers = paraphrases(PARAPHRASES[name])
    pairs, false = _pairs(answers), sum(answer.verdict == "false" for answer in answers)
    assert pairs["false", "false"] >= found * false
    assert pairs["true", "false"] <= mistaken
