"""What may go and what stays: over any history of runs, and over files of any content."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.child import Progress
from bot.events import Event
from bot.housekeeping.files import keep_end, thinned
from bot.housekeeping.rules import (
    DAY,
    Bounds,
    KnownRun,
    Measured,
    measurements_to_forget,
    runs_to_forget,
)

NOW = 1000 * DAY
BOUNDS = Bounds(days=90, least=3, most=8)


def family(base: str, number: int, age: float, *, ended: bool = True) -> KnownRun:
    return KnownRun(id=f"family:a/{base}@sha{number}+x", ended=ended, at=NOW - age * DAY)


def test_old_requests_go_whole_with_attempts_and_children() -> None:
    """A retried run and what both attempts published are one thing: it goes together or not at all."""
    first = family("x", 0, 200)
    retry = KnownRun(id=f"{first.id}~2", ended=True, at=first.at + 1)
    published = [
        KnownRun(id="publish:t/x@sha+r@h", ended=True, at=first.at, parent=first.id),
        KnownRun(id="publish:t/x@sha+r@h~2", ended=True, at=first.at, parent=retry.id),
    ]
    newer = [family("x", n, n) for n in (2, 3, 4, 5)]
    gone = runs_to_forget([first, retry, *published, *newer], NOW, BOUNDS)
    assert sorted(gone) == sorted([first.id, retry.id, *(run.id for run in published)])


def test_what_is_under_way_keeps_all_that_belongs_to_it() -> None:
    """One child that has not ended: the old family it came from stays, so that it can be gone on with."""
    first = family("x", 0, 200)
    child = KnownRun(id="publish:t/x@sha+r@h", ended=False, at=first.at, parent=first.id)
    newer = [family("x", n, n) for n in range(2, 12)]
    assert first.id not in runs_to_forget([first, child, *newer], NOW, BOUNDS)


RUNS = st.lists(
    st.builds(
        lambda base, number, age, ended: family(base, number, age, ended=ended),
        st.sampled_from("xyz"), st.integers(0, 200), st.floats(0, 300), st.booleans(),
    ),
    max_size=60, unique_by=lambda run: run.id,
)  # fmt: skip


@given(RUNS)
def test_few_stay_and_none_that_is_needed_goes(runs: list[KnownRun]) -> None:
    """Never what has not ended, the newest of a base, the newest few, or today's; beyond the bound nothing
    else stays."""
    gone = set(runs_to_forget(runs, NOW, BOUNDS))
    newest_first = sorted(runs, key=lambda run: -run.at)
    newest_of = {run.id.split("@")[0]: run for run in reversed(newest_first)}
    for place, run in enumerate(newest_first):
        needed = not run.ended or place < BOUNDS.least or run in newest_of.values() or run.at >= NOW - DAY
        if needed:
            assert run.id not in gone
        elif place >= BOUNDS.most or run.at < NOW - BOUNDS.days * DAY:
            assert run.id in gone
        else:
            assert run.id not in gone
    kept = [run for run in runs if run.id not in gone]
    assert runs_to_forget(kept, NOW, BOUNDS) == [] or len(kept) < len(runs)


@given(
    st.lists(
        st.builds(Measured, name=st.uuids().map(str), at=st.floats(0, NOW), size=st.integers(0, 50)),
        max_size=20,
    )
)
def test_measurements_fit_their_bound_unless_they_are_fresh(found: list[Measured]) -> None:
    """The longest untouched go first; what was measured lately stays, whatever it weighs."""
    bounds = Bounds(measurement_bytes=200, measurement_days=90)
    gone = measurements_to_forget(found, NOW, bounds)
    kept = [one for one in found if one.name not in gone]
    fresh = [one for one in found if one.at > NOW - 90 * DAY]
    assert all(one in kept for one in fresh)
    assert sum(one.size for one in kept) <= 200 or all(one in fresh for one in kept)
    out = [one.at for one in found if one.name in gone]
    assert not out or max(out) <= min((one.at for one in kept), default=NOW)


PROGRESS = st.builds(
    Progress,
    stage=st.sampled_from(["fetch", "measure"]),
    what=st.sampled_from(["a", "b"]),
    done=st.floats(0, 9),
)


@given(st.lists(PROGRESS, max_size=30), st.binary(max_size=20))
def test_thinned_progress_says_when_each_thing_began_and_how_far_it_came(
    progress: list[Progress], torn: bytes
) -> None:
    """Of neighbours about the same thing the first and the last stay, in order; thinned again it is the same;
    a torn line is left out."""
    events = [Event(at=float(n), run="r", progress=one) for n, one in enumerate(progress)]
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    after = thinned(lines + b"{" + torn.replace(b"\n", b""))
    kept = [msgspec.json.decode(line, type=Event) for line in after.splitlines()]
    expected = [
        event
        for n, event in enumerate(events)
        if n in (0, len(events) - 1)
        or _about(events[n - 1]) != _about(event)
        or _about(events[n + 1]) != _about(event)
    ]
    assert kept == expected
    assert thinned(after) == after


def _about(event: Event) -> tuple[str, str]:
    return event.progress.stage, event.progress.what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.binary(max_size=10).map(lambda line: line.replace(b"\n", b"") + b"\n")),
    size=st.integers(1, 60),
)
def test_a_cut_log_keeps_its_last_whole_lines(lines: list[bytes], size: int, tmp_path: Path) -> None:
    """At most so many bytes, no half line at the beginning, nothing lost at the end."""
    path = tmp_path / "log.txt"
    before = b"".join(lines)
    path.write_bytes(before)
    freed = keep_end(path, size)
    after = path.read_bytes()
    assert len(after) == len(before) - freed
    assert before.endswith(after)
    assert len(after) <= size
    cut = before[: len(before) - len(after)]
    assert cut == b"" or after == b"" or cut.endswith(b"\n") or after.count(b"\n") <= 1
