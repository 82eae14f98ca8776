"""What is false in the publisher's own words: told to their author, never cut. Pure."""

from __future__ import annotations

from bot.card.board import Board
from bot.card.facts import Facts
from bot.review.claims import check


def warnings(facts: Facts, board: Board) -> tuple[str, ...]:
    """A sentence for each claim in the words on the card that the facts contradict."""
    return tuple(
        f"the words signed {words.signed} say {found.quote!r}, which is false: {found.why}"
        for words in facts.words
        for found in check(words.text, board)
        if found.verdict == "false"
    )
