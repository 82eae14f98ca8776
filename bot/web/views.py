"""What the page shows, as frozen records; the templates print them, and `/api/overview` gives them as JSON.

Times are Unix seconds, sizes are bytes. They hold no moment of their own ("4 min ago" is the template's), so
that a section changes only when something happened.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from bot.records import Record


class Pulse(Record, frozen=True, kw_only=True):
    """How the daemon around the page does: when it looked last and will look next, and `every` how many
    seconds; whether its scheduler lives; since when it runs."""

    last_sweep: float | None = None
    next_sweep: float | None = None
    every: float = 1800.0
    scheduler_alive: bool = True
    started: float = 0.0


# ---------------------------------------------------------------- watched


class RepoView(Record, frozen=True, kw_only=True):
    """A watched repo. `waits` says for what, `until` (ISO 8601) until when time alone may settle it."""

    repo: str
    sha: str
    standing: str
    seen_at: float
    last_modified: str = ""
    renamed_to: str | None = None
    waits: str | None = None
    until: str | None = None


class AuthorView(Record, frozen=True, kw_only=True):
    """An author who is followed: when their listing was read, and when it was last read whole."""

    author: str
    read_at: float
    full_at: float


class WatchView(Record, frozen=True, kw_only=True):
    """What is watched: how many repos, which of them wait, how many are gone, the last that were seen."""

    pulse: Pulse
    repos: int = 0
    gone: int = 0
    waiting: tuple[RepoView, ...] = ()
    recent: tuple[RepoView, ...] = ()
    authors: tuple[AuthorView, ...] = ()


# ---------------------------------------------------------------- plans


class PlannedView(Record, frozen=True, kw_only=True):
    """One quant of a plan. `does`: make, update, or why there is nothing to do."""

    recipe: str
    repo: str
    bits: float
    size: int
    does: str


class PlanView(Record, frozen=True, kw_only=True):
    """A proposal as a person decides about it. `where`: in a sentence, what is published and how.

    `low` and `high` (seconds) are the range of past runs around `seconds`; `basis` says which runs those are.
    """

    id: str
    action: str
    repo: str
    sha: str
    change: str
    why: str
    rule: str
    where: str
    created_at: float
    quants: tuple[PlannedView, ...] = ()
    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    size: int = 0
    upload: int = 0
    disk: int = 0
    memory: int = 0
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    basis: str = ""
    license: str | None = None
    gated: bool = False


# ---------------------------------------------------------------- runs


class ProgressView(Record, frozen=True, kw_only=True):
    """How far the step that runs is; `share` 0 to 1, `ends_at` as its speed of late lets expect."""

    stage: str
    what: str
    done: float
    total: float
    unit: str
    share: float | None = None
    ends_at: float | None = None
    at: float = 0.0


class StageView(Record, frozen=True, kw_only=True):
    """One station of a run's way: done, now or ahead."""

    name: str
    state: str


class StepView(Record, frozen=True, kw_only=True):
    """A finished step. `begin` and `width` are shares (0 to 1) of the whole run's time."""

    name: str
    started: float | None
    seconds: float | None
    error: str | None = None
    begin: float = 0.0
    width: float = 0.0


class RunView(Record, frozen=True, kw_only=True):
    """One run. `about` is the repo it is about, `host` where it runs, `ends_at` when the whole of it may end
    (from the plan's estimate)."""

    id: str
    kind: str
    about: str
    sha: str
    state: str
    started: float
    ended: float | None = None
    recipe: str = ""
    attempt: int = 1
    host: str = ""
    error: str | None = None
    error_kind: str | None = None
    retry_of: str | None = None
    parent: str | None = None
    quants: int = 0
    stages: tuple[StageView, ...] = ()
    progress: ProgressView | None = None
    ends_at: float | None = None


class PatchedView(Record, frozen=True, kw_only=True):
    """What a patch came to for one quant; `said` is why it failed or was left, or what to know of it."""

    repo: str
    status: str
    said: str = ""


class RunPage(Record, frozen=True, kw_only=True):
    """One run with all that is known of it: its steps, the runs it started, the end of its log."""

    run: RunView
    steps: tuple[StepView, ...] = ()
    children: tuple[RunView, ...] = ()
    stopped: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    patched: tuple[PatchedView, ...] = ()
    log: str = ""
    can_retry: bool = False


class StoppedView(Record, frozen=True, kw_only=True):
    """A quant that the gate keeps private, and why."""

    repo: str
    url: str
    reasons: tuple[str, ...]
    run: str
    at: float


# ---------------------------------------------------------------- published


class ScoreView(Record, frozen=True, kw_only=True):
    """One task's score. `nothing`: why it says nothing about this model, None where it does."""

    task: str
    value: float
    stderr: float
    n: int
    nothing: str | None = None


class QuantView(Record, frozen=True, kw_only=True):
    """A quant as it was measured and published; None where it was not measured."""

    repo: str
    url: str
    recipe: str
    status: str
    bits: float | None = None
    size: int | None = None
    perplexity: float | None = None
    perplexity_error: float | None = None
    kl: float | None = None
    speed: float | None = None
    memory: int | None = None
    scores: tuple[ScoreView, ...] = ()
    error: str | None = None


class FamilyView(Record, frozen=True, kw_only=True):
    """What became of one base: its quants, in the plan's order, and what its own measurement says."""

    run: str
    base: str
    url: str
    sha: str
    at: float
    device: str = ""
    tasks: tuple[str, ...] = ()
    baseline: QuantView | None = None
    quants: tuple[QuantView, ...] = ()


# ---------------------------------------------------------------- the rest


class EventView(Record, frozen=True, kw_only=True):
    """One line of the timeline. `link`: where it leads on this page, empty where nowhere."""

    id: int
    at: float
    kind: str
    subject: str
    text: str
    link: str = ""


class WorkerView(Record, frozen=True, kw_only=True):
    """A machine that takes work, and when it last said that it lives."""

    executor: str
    host: str
    tags: tuple[str, ...]
    memory: int
    beat_at: float


class Overview(Record, frozen=True, kw_only=True):
    """The whole first page. `trouble` says in a sentence why something could not be read."""

    account: str = ""
    paused: bool = False
    trouble: str = ""
    watch: WatchView = WatchView(pulse=Pulse())
    plans: tuple[PlanView, ...] = ()
    approved: tuple[PlanView, ...] = ()
    running: tuple[RunView, ...] = ()
    queued: tuple[RunView, ...] = ()
    failed: tuple[RunView, ...] = ()
    stopped: tuple[StoppedView, ...] = ()
    families: tuple[FamilyView, ...] = ()
    events: tuple[EventView, ...] = ()
    workers: tuple[WorkerView, ...] = ()


def digest(what: Any) -> str:
    """A short text that differs when what is shown differs."""
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:12]
