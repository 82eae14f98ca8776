"""A door that asks the Hub the same thing once: cards of one family look at each other."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Literal

from huggingface_hub import ModelInfo

from bot.huggingface import HubDoor, ListedModel
from bot.settings import Settings

MOST = 1024
"""Answers that are kept of each kind: a few families."""


class RememberingDoor(HubDoor):
    """For one look over an account. What changes on the Hub meanwhile is noticed when something is written
    (`parent_commit`); a card's update changes nothing that another card shows."""

    def __init__(self, settings: Settings, token: str | None = None) -> None:
        super().__init__(settings, token)
        self._find = functools.lru_cache(MOST)(super().find)
        self._read = functools.lru_cache(MOST)(super().read)
        self._listed: dict[tuple[str, str, int | None], tuple[ListedModel, ...]] = {}

    def find(self, repo: str, revision: str | None = None) -> ModelInfo | None:
        return self._find(repo, revision)

    def read(self, repo: str, path: str, revision: str | None = None) -> bytes | None:
        return self._read(repo, path, revision)

    def list_models(
        self,
        author: str,
        sort: Literal["last_modified", "created_at"] = "last_modified",
        limit: int | None = None,
    ) -> Iterator[ListedModel]:
        key = (author, sort, limit)
        if key not in self._listed:
            self._listed[key] = tuple(super().list_models(author, sort, limit))
        return iter(self._listed[key])
