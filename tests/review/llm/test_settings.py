"""`review:` in the watchlist: what may be written there."""

from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.records import to_json
from bot.review.llm import ReviewSettings
from bot.yaml_lines import Document


def read(text: str) -> ReviewSettings:
    return Document(text.encode(), "watchlist.yaml").to(ReviewSettings)


def test_an_endpoint_and_a_model_are_enough() -> None:
    """The rest has defaults, and the card's name of the model is the one given."""
    settings = read("endpoint: http://localhost:1234/v1\nmodel: qwen3-next-80b\n")
    assert (settings.attempts, settings.timeout, settings.max_tokens) == (3, 600.0, 4096)
    assert settings.shown_model == "qwen3-next-80b"


@pytest.mark.parametrize("local", ["mlx-community/Qwen3-8B-4bit", "/models/Qwen3-8B-4bit/"])
def test_a_local_model_is_called_like_its_folder(local: str) -> None:
    """Without `model` the last part of the folder or repo is the name."""
    assert read(f"local: {local}\n").shown_model == "Qwen3-8B-4bit"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: m\n", "either `endpoint`"),
        ("endpoint: http://localhost/v1\nlocal: a/b\nmodel: m\n", "either `endpoint`"),
        ("endpoint: http://localhost/v1\n", "`model` is missing"),
        ("endpoint: localhost:1234/v1\nmodel: m\n", "is no URL"),
        ("endpoint: http://[::1/v1\nmodel: m\n", "is no URL"),
        ("endpoint: http://host:99999/v1\nmodel: m\n", "is no URL"),
        ("endpoint: file:///etc/passwd\nmodel: m\n", "is no URL"),
        ("local: a/b\nattempts: 99\n", "10"),
        ("local: a/b\ntimeout: 0\n", "0"),
        ("local: a/b\nkey: sk-123\n", "key"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(text: str, told: str) -> None:
    """What cannot be meant is refused when it is read."""
    with pytest.raises(ConfigError, match=r"watchlist\.yaml") as caught:
        read(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://me:sk-secret@host/v1", "http://host/v1?key=sk-secret", "http://host/v1#sk-secret"]
)
def test_a_key_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    """A secret belongs into the environment, and the message does not show it."""
    with pytest.raises(ConfigError, match="key_variable") as caught:
        read(f"endpoint: {url}\nmodel: m\n")
    assert "sk-secret" not in str(caught.value)


def test_a_key_in_the_place_of_its_variable_is_refused_and_not_repeated() -> None:
    """Who pastes the key itself is told what belongs there, and the key stays out of the message."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        read("local: a/b\nkey_variable: sk-secret\n")
    assert "sk-secret" not in str(caught.value)


def test_the_record_holds_the_name_of_the_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of the settings has the variable's name and never its value."""
    monkeypatch.setenv("MARMOT_KEY", "sk-secret")
    settings = ReviewSettings(endpoint="http://localhost/v1", model="m", key_variable="MARMOT_KEY")
    assert "sk-secret" not in str(to_json(settings))
