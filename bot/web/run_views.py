"""Runs as the page shows them: pure, from what `bot.runs` tells of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bot.engine import attempt_number
from bot.records import Plan, Record
from bot.runs import Run
from bot.web.progress import Way, expected_end, share
from bot.web.views import ProgressView, RunView, StageView, StepView, StoppedView

ENDED_BADLY = ("failed", "cancelled", "parked")
FAMILY_WAY = ("fetch", "quantize", "measure", "publish")
"""The stations of a family's run, in order; a step belongs to the one that its name begins with."""

_OF_PUBLISH = ("publish", "write card", "card", "gate", "upload", "verify", "answer", "update card", "link")
_ID = re.compile(r"(?P<kind>[\w ]+):(?P<about>[^@]+)(?:@(?P<sha>[0-9a-f]+))?(?:\+(?P<recipe>[^@~]+)@)?")


class Named(Record, frozen=True, kw_only=True):
    """What a run's id says: `publish:<repo>@<sha>+<recipe>@<hash>`."""

    kind: str
    about: str
    sha: str = ""
    recipe: str = ""


def named(run: str) -> Named:
    """The parts of a run's id; of one that is made otherwise, all of it."""
    found = _ID.match(run)
    if found is None:
        return Named(kind="", about=run)
    return Named(
        kind=found["kind"], about=found["about"], sha=found["sha"] or "", recipe=found["recipe"] or ""
    )


def run_view(
    run: Run,
    *,
    host: str = "",
    way: Way | None = None,
    plan: Plan | None = None,
    parent: str | None = None,
    expected: float | None = None,
) -> RunView:
    """One run. `expected`: how many seconds its plan was estimated to take."""
    said = named(run.id)
    runs_now = run.state == "running"
    stations = stages(run, way) if runs_now and run.kind == "family" else ()
    if way is not None and (not runs_now or _is_over(way, stations)):
        way = None
    quants = len(plan.to_make()) if plan is not None else 0
    return RunView(
        id=run.id,
        kind=said.kind or run.kind,
        about=said.about,
        sha=said.sha,
        recipe=said.recipe,
        state=run.state,
        started=run.started,
        ended=run.ended,
        attempt=attempt_number(run.id),
        host=host,
        error=run.error,
        error_kind=run.error_kind,
        retry_of=run.retry_of,
        parent=parent,
        quants=quants,
        stages=stations,
        progress=progress_view(way) if way is not None else None,
        ends_at=run.started + expected if expected and runs_now else None,
    )


def _is_over(way: Way, stations: Sequence[StageView]) -> bool:
    """Whether the last words are those of a step that is done: the next one said nothing yet."""
    at = _station(way.stage)
    return any(station.name == at and station.state == "done" for station in stations)


def progress_view(way: Way) -> ProgressView:
    return ProgressView(
        stage=way.stage,
        what=way.what,
        done=way.done,
        total=way.total,
        unit=way.unit,
        share=share(way),
        ends_at=expected_end(way),
        at=way.at,
    )


def stages(run: Run, way: Way | None) -> tuple[StageView, ...]:
    """Which stations of a family's way are behind it, and which it is at."""
    done = {step.name.split(" ")[0] for step in run.steps if step.error is None}
    at = _station(way.stage) if way is not None else None
    behind = [name for name in FAMILY_WAY if name in done]
    if at is None or (at in done and at != "publish"):
        at = next((name for name in FAMILY_WAY if name not in behind), FAMILY_WAY[-1])
    here = FAMILY_WAY.index(at)
    return tuple(
        StageView(name=name, state="now" if n == here else "done" if n < here else "ahead")
        for n, name in enumerate(FAMILY_WAY)
    )


def _station(stage: str) -> str | None:
    first = stage.split(" ")[0]
    return first if first in FAMILY_WAY else "publish" if stage in _OF_PUBLISH else None


def step_views(run: Run, now: float) -> tuple[StepView, ...]:
    """The finished steps, each with its place in the run's time."""
    end = run.ended or max([now, *(step.ended or 0.0 for step in run.steps)])
    whole = max(end - run.started, 0.001)
    found = []
    for step in run.steps:
        seconds = step.ended - step.started if step.started and step.ended else None
        begin = min(1.0, max(0.0, ((step.started or run.started) - run.started) / whole))
        found.append(
            StepView(
                name=step.name,
                started=step.started,
                seconds=seconds,
                error=step.error,
                begin=round(begin, 4),
                width=round(min(1.0 - begin, max(0.0, (seconds or 0.0) / whole)), 4),
            )
        )
    return tuple(found)


def open_failures(runs: Sequence[Run]) -> list[Run]:
    """What ended badly and was not tried again since, the newest first."""
    latest: dict[str, int] = {}
    for run in runs:
        first = run.id.split("~")[0]
        latest[first] = max(latest.get(first, 0), attempt_number(run.id))
    bad = [run for run in runs if run.state in ENDED_BADLY]
    still = [run for run in bad if attempt_number(run.id) == latest[run.id.split("~")[0]]]
    return sorted(still, key=lambda run: run.ended or run.started, reverse=True)


def stopped_views(
    runs: Iterable[Run], endpoint: str, out_since: Mapping[str, float]
) -> tuple[StoppedView, ...]:
    """By repo, what the newest run that dealt with it says of the gate; the newest first.

    `out_since`: when a repo was last seen public or let past the gate; what was stopped before that is not
    stopped any more.
    """
    found: dict[str, StoppedView] = {}
    for run in runs:
        at = run.ended or run.started
        for repo, reasons in run.stopped.items():
            known = found.get(repo)
            if at < out_since.get(repo, 0.0) or (known is not None and known.at >= at):
                continue
            found[repo] = StoppedView(repo=repo, url=f"{endpoint}/{repo}", reasons=reasons, run=run.id, at=at)
    return tuple(sorted(found.values(), key=lambda view: view.at, reverse=True))
