"""A proposal: a plan that a person can read, approve, edit and refuse; and what it is expected to cost."""

from __future__ import annotations

import hashlib
from typing import Literal

from bot.patch.patch import Patch
from bot.plan.action import Action
from bot.records import ChangeKind, Plan, Record

State = Literal["waiting", "approved", "refused", "started", "superseded", "over"]
"""waiting: for a person's yes.  approved: to be started when there is room.  superseded: a newer change of
the same base took its place.  over: its run ended, well or badly."""


class Estimate(Record, frozen=True, kw_only=True):
    """What it will take. `seconds` (expected, and the range of past runs) is None where nothing like it
    ever ran.

    `disk_bytes`: the most that lies in BOT_HOME at once. `memory_bytes`: the largest resident need of a step.
    `upload_bytes`: what the Hub will hold more; `private_bytes` the part of it that is private for a while.
    `basis`: in a few words, which past runs the time comes from.
    """

    seconds: float | None = None
    seconds_low: float | None = None
    seconds_high: float | None = None
    disk_bytes: int = 0
    memory_bytes: int = 0
    upload_bytes: int = 0
    private_bytes: int = 0
    basis: str = ""


class Need(Record, frozen=True, kw_only=True):
    """Where it may run: a worker with all of `tags` and at least `memory_bytes`."""

    tags: tuple[str, ...] = ()
    memory_bytes: int = 0


class Proposal(Record, frozen=True, kw_only=True):
    """One thing the bot could do about one change. `plan` for make, `patch` for patch and mark; a freeze has
    what is to be done once a person says yes to the new terms, if anything.

    `why` says which change, `rule` which rule of the watchlist lets it start or holds it, `said` what a
    person said about it; `frozen`: a yes to it is a yes to changed terms of its base. `interest`: 0 to
    `priority.MOST`, higher first. `created_at` (Unix seconds): since when its base waits, so that a base
    which changes every day does not start anew each time.
    """

    id: str
    action: Action
    repo: str
    sha: str
    kind: ChangeKind
    why: str
    rule: str = ""
    plan: Plan | None = None
    patch: Patch | None = None
    estimate: Estimate = Estimate()
    need: Need = Need()
    interest: float = 0.0
    created_at: float = 0.0
    said: str = ""
    frozen: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """The repos that it will write to."""
        if self.plan is not None:
            return tuple(quant.repo for quant in self.plan.to_make())
        return self.patch.repos if self.patch is not None else ()

    @property
    def account(self) -> str:
        """Where it publishes; empty where it does nothing."""
        return self.plan.account if self.plan else self.patch.account if self.patch else ""


def proposal_id(repo: str, sha: str, action: Action) -> str:
    """Short enough to type, and the same for the same change: `Qwen3-8B-3f9a1c`."""
    digest = hashlib.sha256(f"{repo}@{sha}:{action}".encode()).hexdigest()[:6]
    return f"{repo.split('/', 1)[-1][:30]}-{digest}"
