"""`review:` of the watchlist: which model writes the review, and how long the bot waits for it.

Part of a plan, so `bot.records` imports this, and this imports nothing of the bot's.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class ReviewSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server (`endpoint`, with `model`) or a model on this machine (`local`): one of the two.

    `endpoint` is the base URL of an OpenAI-compatible API, as a rule ending in /v1. `local` is a model's
    folder or repo, for mlx-lm. `model` is the name that the server knows and the card shows. `key_variable`
    names the environment variable with the API key; the key itself is never kept.
    `attempts`: how often refused sentences go back to the model. `timeout`: seconds for one answer.
    `silence`: seconds without a word in the middle of a streamed answer. `max_tokens`: of one answer,
    thoughts included.
    """

    endpoint: str | None = None
    local: str | None = None
    model: str | None = None
    key_variable: str | None = None
    attempts: Annotated[int, Meta(ge=0, le=10)] = 3
    timeout: Annotated[float, Meta(gt=0, le=7200)] = 600.0
    silence: Annotated[float, Meta(gt=0, le=600)] = 30.0
    max_tokens: Annotated[int, Meta(ge=1, le=65_536)] = 4096

    def __post_init__(self) -> None:
        if bool(self.endpoint) == bool(self.local):
            raise ValueError("review: write either `endpoint` (a server's URL) or `local` (a model's folder)")
        if self.key_variable and not _VARIABLE.fullmatch(self.key_variable):
            raise ValueError(  # what stands there is perhaps the key: not shown
                "review: `key_variable` is no name of a variable: write one such as OPENAI_API_KEY, "
                "and never the key itself"
            )
        if self.endpoint:
            _check(self.endpoint)
            if not self.model:
                raise ValueError("review: `model` is missing: write the name that the endpoint gives it")

    @property
    def shown_model(self) -> str:
        """The name behind "Reviewed with": `model`, or the last part of `local`."""
        return self.model or (self.local or "").rstrip("/").rsplit("/", 1)[-1]


def _check(endpoint: str) -> None:
    """An http(s) address and nothing more: whatever else it holds could be a secret in a log."""
    try:
        parts = urlsplit(endpoint)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine, parts = False, urlsplit("")
    if not fine:
        raise ValueError("review: `endpoint` is no URL: write one such as http://localhost:1234/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "review: `endpoint` holds more than an address: put the key into an environment variable "
            "and that variable's name into `key_variable`"
        )
