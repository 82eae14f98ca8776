"""A card's front matter, as the Hub reads it."""

from __future__ import annotations

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.hub import metadata

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
METADATA = st.dictionaries(WORDS, WORDS | st.lists(WORDS, max_size=3), min_size=1)


@given(METADATA, st.text())
def test_front_matter_is_read_back(data: dict[str, object], text: str) -> None:
    """What a YAML writer put at the top of a card is what is read, and the body is the rest."""
    front = yaml.safe_dump(data, default_style='"')
    card = f"---\n{front}---\n{text}"
    assert metadata.front_matter(card) == data
    assert metadata.body(card) == text


@given(st.text())
def test_any_text_is_a_card(text: str) -> None:
    """No README makes the Hub fail: the metadata is a JSON object, absent, or said to be wrong."""
    for card in (text, f"---\n{text}\n---\n"):
        errors, _ = metadata.validate(card)
        data = metadata.card_data(card)
        assert data is None or isinstance(data, dict)
        assert all(isinstance(error, str) for error in errors)
        if not errors:
            msgspec.json.encode(data)


def test_norwegian_is_not_false_and_a_date_is_text() -> None:
    """`no`, `on` and dates are texts in a card; `true` is true."""
    data = metadata.front_matter("---\nlanguage: no\nwhen: 2024-05-01\ninference: false\n---\n")
    assert data == {"language": "no", "when": "2024-05-01", "inference": False}


@pytest.mark.parametrize(
    ("front", "error"),
    [
        ("license: lfm1.0", "license"), ("license: other", ""), ("license: [mit, apache-2.0]", ""),
        ("base_model: a/b/c", "base_model"), ("base_model: acme/base", ""), ("language: EN", "lowercase"),
        ("base_model_relation: quant", "base_model_relation"), ("base_model_relation: quantized", ""),
        ("tags: mlx", "tags"), ("- a", "mapping"), ("a: [", "YAML"),
    ],
)  # fmt: skip
def test_what_the_hub_refuses_in_a_card(front: str, error: str) -> None:
    """Each mistake gets an error that names its field, and the right value beside it gets none."""
    errors, _ = metadata.validate(f"---\n{front}\n---\n")
    assert (not errors) if not error else (len(errors) == 1 and error in errors[0])
