"""Which token ends an assistant's turn, read from what the chat template renders. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

MARK = "MARKEDANSWER"
"""Stands for the assistant's answer in a rendered conversation."""

Message = dict[str, str]

_QUESTION: Message = {"role": "user", "content": "hello"}
_ANSWER: Message = {"role": "assistant", "content": MARK}


def end_of_turn(render: Callable[[Sequence[Message]], str], special: Iterable[str]) -> str | None:
    """The special token that closes an assistant's last message under this template.

    `render` gives a conversation as text, `special` the tokenizer's added tokens. Where nothing
    closes the last message (GLM), the token that opens the user's next turn does. None when
    neither is a special token, or when the template does not show the answer.
    """
    known = tuple(special)
    closing = first_special(_after_mark(render([_QUESTION, _ANSWER])), known)
    return closing or first_special(_after_mark(render([_QUESTION, _ANSWER, _QUESTION])), known)


def first_special(text: str, special: Iterable[str]) -> str | None:
    """The special token the text begins with, after white space; the longest when several fit."""
    fitting = [token for token in special if token and text.lstrip().startswith(token)]
    return max(fitting, key=len, default=None)


def _after_mark(rendered: str) -> str:
    return rendered.rpartition(MARK)[2] if MARK in rendered else ""
