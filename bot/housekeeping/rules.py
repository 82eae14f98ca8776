"""Which of what is kept may go: pure, over what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.records import Record

DAY = 86_400.0


class Bounds(Record, frozen=True, kw_only=True):
    """How much is kept. A request is a run with its attempts and what they started.

    `days`: a finished request, unless it is among the newest `least`; never more than `most` requests.
    `orphan_days`: a run's folder whose run is not in the database.
    `answers_days`: the answers of a model that nobody measured since (scores stay).
    `measurement_bytes`: all measurements, the model that was measured longest ago first, none younger than
    `measurement_days`.
    """

    days: float = 90.0
    least: int = 200
    most: int = 2000
    orphan_days: float = 30.0
    thin_days: float = 7.0
    answers_days: float = 90.0
    measurement_bytes: int = 20_000_000_000
    measurement_days: float = 90.0
    plan_days: float = 180.0
    worker_days: float = 30.0
    delivery_days: float = 30.0


class KnownRun(Record, frozen=True, kw_only=True):
    """A run of the database. `at`: when it ended, else when it was made (Unix seconds)."""

    id: str
    ended: bool
    at: float
    parent: str | None = None


class Measured(Record, frozen=True, kw_only=True):
    """One model's folder in the store. `at`: when something was written there last (Unix seconds)."""

    name: str
    at: float
    size: int


class _Request(Record, frozen=True, kw_only=True):
    ids: tuple[str, ...]
    at: float
    ended: bool
    base: str


def runs_to_forget(runs: Iterable[KnownRun], now: float, bounds: Bounds) -> list[str]:
    """The ids of runs that may go, whole requests at a time.

    A request of which anything is under way stays, with all its attempts; so does the newest of each base,
    which says what was made of it last, and whatever is younger than a day.
    """
    newest_first = sorted(_requests(runs), key=lambda request: -request.at)
    seen: set[str] = set()
    gone: list[str] = []
    for place, request in enumerate(newest_first):
        newest_of_base = request.base not in seen
        seen.add(request.base)
        age = now - request.at
        surplus = place >= bounds.most or (place >= bounds.least and age > bounds.days * DAY)
        if request.ended and surplus and age > DAY and not newest_of_base:
            gone += request.ids
    return gone


def _requests(runs: Iterable[KnownRun]) -> list[_Request]:
    """The runs by what was asked: attempts (`…~2`) and children belong to the first."""
    known = {run.id: run for run in runs}
    groups: dict[str, list[KnownRun]] = {}
    for run in known.values():
        groups.setdefault(_asked(run, known), []).append(run)
    return [
        _Request(
            ids=tuple(run.id for run in group),
            at=max(run.at for run in group),
            ended=all(run.ended for run in group),
            base=_base(name),
        )
        for name, group in groups.items()
    ]


def _asked(run: KnownRun, known: dict[str, KnownRun]) -> str:
    """The id of the first attempt of the run that started it all."""
    seen: set[str] = set()
    while run.parent in known and run.id not in seen:
        seen.add(run.id)
        run = known[run.parent]
    return run.id.split("~")[0]


def _base(request: str) -> str:
    """What a request is about: `family:owner/name` of `family:owner/name@sha+digest`."""
    return request.split("@")[0]


def measurements_to_forget(found: Sequence[Measured], now: float, bounds: Bounds) -> list[str]:
    """The models whose measurements go, so that all fit the bound."""
    total = sum(one.size for one in found)
    gone: list[str] = []
    for one in sorted(found, key=lambda one: one.at):
        if total <= bounds.measurement_bytes or now - one.at < bounds.measurement_days * DAY:
            break
        gone.append(one.name)
        total -= one.size
    return gone
