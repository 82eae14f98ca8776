"""Answers of an OpenAI-compatible server, read strictly: https://platform.openai.com/docs/api-reference/chat

Pure. A server's fields that are not needed are ignored; those that are, are checked for their type.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot.records import Record
from bot.review.llm.reviewed import NoReview


class _Message(Record, frozen=True, kw_only=True):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """The content, which may come in parts."""
        if isinstance(self.content, list):
            return "".join(str(part["text"]) for part in self.content if isinstance(part.get("text"), str))
        return self.content or ""


class _Choice(Record, frozen=True, kw_only=True):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None


class _Completion(Record, frozen=True, kw_only=True):
    choices: list[_Choice] | None = None
    error: Any = None


class Piece(Record, frozen=True, kw_only=True):
    """A piece of an answer, or all of it. `finish` is the reason why it ends here; None: it goes on.

    `thought` counts the characters of reasoning that the server keeps apart.
    """

    text: str = ""
    finish: str | None = None
    thought: int = 0


def piece(data: str | bytes) -> Piece:
    """One JSON document of a server: a chunk of a stream or a whole completion.

    Raises NoReview for broken JSON, for an error in it and for a refusal.
    """
    try:
        found = msgspec.json.decode(data, type=_Completion)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoReview("the endpoint sent what is no JSON of a chat completion") from None
    if found.error is not None:
        raise NoReview(f"the endpoint answered with an error ({error_text(data) or 'without a reason'})")
    if not found.choices:
        return Piece()
    choice = found.choices[0]
    said = choice.delta or choice.message or _Message()
    if said.refusal or choice.finish_reason == "content_filter":
        raise NoReview("the model refused to write a review")
    thought = len(said.reasoning_content or said.reasoning or "")
    return Piece(text=said.text, finish=choice.finish_reason, thought=thought)


def error_text(body: str | bytes) -> str:
    """What a server says of an error, on one line of at most 200 characters; "" where it says nothing."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    for key in ("error", "message", "detail"):
        if isinstance(found, dict):
            found = found.get(key, found)
    line = " ".join(found.split()) if isinstance(found, str) else ""
    return "".join(c for c in line if c.isprintable())[:200]
