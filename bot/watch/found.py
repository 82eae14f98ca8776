"""What a look at the watched repos finds: changes, what waits, what could not be looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.records import BaseRevision, Change, ChangeKind, Record


class Waiting(Record, frozen=True, kw_only=True):
    """A change that is not reported yet, and why.

    `until` (ISO 8601): when time alone may settle it. `ends`: what ends the waiting, a look (from `until` on)
    or a new commit.
    """

    repo: str
    sha: str
    kind: ChangeKind
    reason: str
    until: str | None = None
    ends: Literal["look", "commit"] = "look"


class SweepResult(Record, frozen=True, kw_only=True):
    """What changed, what waits, what could not be looked at (`errors` for people, `failed` by name).

    `revisions` holds what each change was read from, by the change's repo; a repo that is gone has none.
    `complete` is False when the Hub went away in the middle; the next sweep goes on there. `requests`: how
    many were made of the Hub, those that had to be repeated counted once.
    """

    changes: tuple[Change, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    errors: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    complete: bool = True
    at: str = ""
    revisions: dict[str, BaseRevision] = msgspec.field(default_factory=dict)
    requests: int = 0
