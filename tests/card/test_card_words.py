"""The publisher's own words on a card."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.card.board import board
from bot.card.facts import Block, ModelReview, Words
from bot.card.render import render
from bot.card.words import LONGEST, words_for
from bot.errors import ConfigError
from bot.review.own_words import warnings
from bot.review.review import review
from tests.card.examples import card_facts
from tests.card.parsed import body, text_of, tokens


def test_words_stand_as_written_and_signed() -> None:
    """Markdown and lens stories included, before the computed sentences; nothing is escaped or cut."""
    mine = "My lens is **fast**.\n\n- a | b\n- [link](https://example.org)\n\n{{ 7 * 7 }}"
    facts = replace(card_facts(), words=(Words(text=mine, signed="G"),))
    text = body(render(facts, review(facts)).text)
    assert f"\n{mine}\n\n*G*\n" in text
    assert text.index("My lens") < text.index("## What the numbers say")


def test_words_are_found_beside_the_watchlist(tmp_path: Path) -> None:
    """For the base (without its owner), for the recipe, and for all of the account, in that order."""
    notes = tmp_path / "notes"
    notes.mkdir()
    for name in ("Tiny-Qwen3", "qx86-hi", "me"):
        (notes / f"{name}.md").write_text(f"about {name}\n")
    (notes / "mxfp4.md").write_text("another recipe")
    found = words_for(tmp_path / "watchlist.yaml", "owner/Tiny-Qwen3", "qx86-hi", "me")
    assert [(each.text, each.signed) for each in found] == [
        ("about Tiny-Qwen3", "me"), ("about qx86-hi", "me"), ("about me", "me"),
    ]  # fmt: skip
    assert words_for(tmp_path / "elsewhere" / "watchlist.yaml", "owner/Tiny-Qwen3", "qx86-hi", "me") == ()


@pytest.mark.parametrize(
    ("content", "told"), [(b"\xff\xfe", "cannot be read"), (b"x" * (LONGEST + 1), "at most")]
)
def test_a_note_that_is_no_text_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    """A file that is no text, or far too long for a card, is told with its path."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "me.md").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"me\.md.*{told}"):
        words_for(tmp_path / "watchlist.yaml", "o/b", "q4", "me")


def test_what_is_false_in_them_is_told_to_their_author_and_stays() -> None:
    """A claim that the facts contradict gives a sentence with the quote; the card holds it as written."""
    mine = "It scores 0.999 on BoolQ, and I like it."
    facts = replace(
        card_facts(), words=(Words(text=mine, signed="G"), Words(text="BoolQ: 0.825", signed="G"))
    )
    (told,) = warnings(facts, board(facts))
    assert "0.999" in told
    assert "0.825" in told
    assert mine in render(facts, review(facts)).text


def test_a_models_review_stands_as_text_with_how_it_was_checked() -> None:
    """Its Markdown does nothing; who wrote it and what was checked is said; without one nothing is."""
    review_ = ModelReview(
        model="A-Reviewer-qx86-hi-mlx",
        blocks=(
            Block(kind="heading", text="In <b>short</b>"),
            Block(kind="bullet", text="first | line"),
            Block(kind="bullet", text="second"),
            Block(kind="paragraph", text="# no heading"),
        ),
        statements=5,
        true=3,
        not_checkable=2,
    )
    text = render(replace(card_facts(), review=review_), review(card_facts())).text
    shown = [text_of(token) for token in tokens(text) if token.type == "inline"]
    assert {"In <b>short</b>", "first | line", "second", "# no heading"} <= set(shown)
    assert "Reviewed with A-Reviewer-qx86-hi-mlx" in text
    assert "Of 5 statements" in text
    assert "3 were checked and found true, 2 cannot be checked" in text
    assert "Reviewed with" not in render(card_facts(), review(card_facts())).text
