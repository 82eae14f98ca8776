"""What the page makes of what was read: pure functions, without a server."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.child import Progress
from bot.events import Event
from bot.records import FamilyResult, Outcome
from bot.runs import Run, Step
from bot.web.headline import headline
from bot.web.health import ENOUGH_DISK, Seen, health
from bot.web.plan_views import plan_view
from bot.web.progress import MARKS, Way, expected_end, followed, share
from bot.web.published_views import family_view, newest_families
from bot.web.run_views import named, open_failures, run_view, stages, step_views, stopped_views
from bot.web.views import Overview, Pulse, RunView, WatchView
from bot.web.words import ago, duration, rounded, shown
from tests.web import world

# ---------------------------------------------------------------- progress


def line(at: float, done: float, stage: str = "measure", total: float = 1000) -> Event:
    return Event(at=at, run="run", progress=Progress(stage=stage, what="x", done=done, total=total, unit="q"))


@given(
    speed=st.floats(0.01, 1e9),
    seconds=st.integers(6, 500),
    begin=st.floats(0, 2e9),
)
def test_at_a_steady_speed_the_end_is_known(speed: float, seconds: int, begin: float) -> None:
    """A step that goes on as it did ends when the rest at that speed is done, however long it ran."""
    total = speed * 10_000
    way = followed(line(begin + s, speed * s, total=total) for s in range(seconds + 1))
    assert way is not None
    assert len(way.marks) <= MARKS
    assert expected_end(way) == pytest.approx(begin + 10_000, abs=1)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=200))
def test_whatever_a_step_says_its_end_is_no_nonsense(lines: list[tuple[float, float]]) -> None:
    """No line makes the end lie before the last line, and a share is between nothing and all."""
    lines = sorted(lines)
    way = followed(line(at, done, total=5e5) for at, done in lines)
    assert way is not None
    end = expected_end(way)
    assert end is None or end >= lines[-1][0]
    assert 0 <= (share(way) or 0) <= 1
    assert len(way.marks) <= MARKS


def test_the_speed_of_late_counts() -> None:
    """A slow beginning is forgotten: only the last half of the way says how fast it goes."""
    slow = [line(second, second) for second in range(100)]
    fast = [line(100 + second, 100 + 5 * second) for second in range(110)]
    way = followed([*slow, *fast])
    assert way is not None
    assert expected_end(way) == pytest.approx(209 + (1000 - 645) / 5, abs=3)


@pytest.mark.parametrize(
    "lines",
    [
        [line(0, 0)],
        [line(0, 0), line(3, 100)],
        [line(0, 5), line(100, 5)],
        [line(0, 0, total=0), line(100, 50, total=0)],
        [line(0, 0), line(100, 1000)],
        [line(0, 0), line(100, 500), line(101, 0, stage="publish")],
    ],
)
def test_nothing_is_guessed_from_too_little(lines: list[Event]) -> None:
    """One line, a few seconds, no way made, no total, the end, another stage: no time left is told."""
    way = followed(lines)
    assert way is not None
    assert expected_end(way) is None


# ---------------------------------------------------------------- words


@given(st.text())
def test_the_text_of_strangers_hides_nothing(text: str) -> None:
    """No control or direction mark is left in it but line ends and tabs; everything else stands as it was."""
    told = shown(text)
    rest = told.replace("\n", "").replace("\t", "")
    assert not any(unicodedata.category(c) in ("Cc", "Cs") or c in "\u202e\u2066\u200f" for c in rest)
    assume("\n" not in text)
    assert shown(told) == told
    if text.isascii() and text.isprintable():
        assert told == text


@given(st.floats(0, 1e9))
def test_durations_are_short_and_never_smaller_for_longer_times(seconds: float) -> None:
    """At most a dozen characters, whatever the time."""
    assert 0 < len(duration(seconds)) <= 12
    assert 0 < len(rounded(seconds)) <= 12


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (4.24, "4.2 s"), (75, "75 s"), (240, "4 min"), (7500, "2 h 5 min"), (200_000, "2 days")],
)
def test_durations_as_people_write_them(seconds: float, said: str) -> None:
    """Seconds, minutes, hours, days: as exact as is of use."""
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("at", "said"), [(None, "never"), (998, "now"), (760, "4 min ago"), (2560, "in 26 min")]
)
def test_moments_are_told_from_now(at: float | None, said: str) -> None:
    """Past, present and future, seen from second 1000."""
    assert ago(at, 1000) == said


# ---------------------------------------------------------------- headline, health


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({}, "Nothing has happened yet."),
        ({"watch": WatchView(pulse=Pulse(), repos=3)}, "All is quiet."),
        ({"running": 1}, "One run is at work."),
        ({"plans": 2, "failed": 1}, "Two plans wait for your yes and one run ended badly."),
        (
            {"plans": 1, "running": 12, "stopped": 1},
            "One plan waits for your yes, 12 runs are at work and one quant was stopped by the gate.",
        ),
        ({"paused": True, "running": 1}, "Paused: nothing new is started. One run is at work."),
        ({"trouble": "it is gone", "running": 1}, "The database cannot be read."),
    ],
)
def test_the_headline_says_how_things_stand(seen: dict[str, Any], said: str) -> None:
    """What waits for a person first, then what runs, then what went wrong."""
    one = RunView(id="run", kind="family", about="a/b", sha="", state="running", started=0)
    values: dict[str, Any] = {
        name: (one,) * count if type(count) is int else count for name, count in seen.items()
    }
    assert headline(Overview(**values)) == said


def seen_well(**more: Any) -> Seen:
    pulse = Pulse(last_sweep=9000, every=1800, started=0)
    return Seen(**{"pulse": pulse, "database": True, "free_bytes": 10 * ENOUGH_DISK, **more})


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (seen_well(), None),
        (seen_well(database=False), "database"),
        (seen_well(free_bytes=ENOUGH_DISK - 1), "disk"),
        (seen_well(pulse=Pulse(last_sweep=9000, started=0, scheduler_alive=False)), "scheduler"),
        (seen_well(pulse=Pulse(last_sweep=5000, every=1800, started=0)), "sweep"),
        (seen_well(pulse=Pulse(last_sweep=None, every=1800, started=0)), "sweep"),
        (seen_well(pulse=Pulse(last_sweep=None, every=1800, started=9900)), None),
    ],
)
def test_health_is_what_is_worst(seen: Seen, wrong: str | None) -> None:
    """At second 10,000: one thing that is not well makes it ill; a daemon that just began is given time."""
    found = health(seen, 10_000)
    assert found.ok is (wrong is None)
    ill = [name for name in ("sweep", "scheduler", "database", "disk") if not getattr(found, name)]
    assert ill == ([wrong] if wrong else [])


# ---------------------------------------------------------------- runs


def run_of(id_: str, state: str = "failed", at: float = 100, **more: Any) -> Run:
    return Run(id=id_, kind=id_.split(":")[0], state=state, started=at - 50, ended=at, **more)


@pytest.mark.parametrize(
    ("id_", "parts"),
    [
        ("family:Qwen/Qwen3-8B@3f9a1c0de5b7+ab12cd34", ("family", "Qwen/Qwen3-8B", "3f9a1c0de5b7", "")),
        ("family:Qwen/Qwen3-8B@3f9a1c0de5b7+ab12cd34~3", ("family", "Qwen/Qwen3-8B", "3f9a1c0de5b7", "")),
        ("publish:heron/X-q8-mlx@3f9a+qx86-hi@00ff", ("publish", "heron/X-q8-mlx", "3f9a", "qx86-hi")),
        ("patch:Qwen/Qwen3-8B@3f9a+12ab", ("patch", "Qwen/Qwen3-8B", "3f9a", "")),
        ("whatever", ("", "whatever", "", "")),
    ],
)
def test_an_id_names_what_a_run_is_about(id_: str, parts: tuple[str, ...]) -> None:
    """Kind, repo, revision and recipe, as `flow` and `patch` put them into the id."""
    said = named(id_)
    assert (said.kind, said.about, said.sha, said.recipe) == parts


def test_a_failure_is_open_until_it_is_tried_again() -> None:
    """Only the last attempt of a request counts, whatever became of it; the newest comes first."""
    found = open_failures(
        [
            run_of("family:a", at=1),
            run_of("family:b", at=2),
            run_of("family:b~2", "running", at=3),
            run_of("family:c", "parked", at=4),
            run_of("family:d", "done", at=5),
            run_of("family:e", at=6),
            run_of("family:e~10", "cancelled", at=7),
            run_of("family:e~9", at=8),
        ]
    )
    assert [run.id for run in found] == ["family:e~10", "family:c", "family:a"]


def test_what_the_gate_stopped_is_told_once_and_until_it_is_out() -> None:
    """The newest word on a repo stands; what was published or found public later is not stopped any more."""
    runs = [
        run_of("family:x", "stopped", at=20, stopped={"me/a": ("new",), "me/b": ("b",)}),
        run_of("publish:a", "stopped", at=10, stopped={"me/a": ("old",), "me/c": ("c",)}),
    ]
    found = stopped_views(runs, "https://hub.test", {"me/c": 15.0, "me/b": 15.0})
    assert [(view.repo, view.reasons) for view in found] == [("me/a", ("new",)), ("me/b", ("b",))]


@pytest.mark.parametrize(
    ("steps", "stage", "states"),
    [
        ((), None, ("now", "ahead", "ahead", "ahead")),
        ((), "fetch", ("now", "ahead", "ahead", "ahead")),
        (("fetch",), "quantize", ("done", "now", "ahead", "ahead")),
        (("fetch", "quantize"), "quantize", ("done", "done", "now", "ahead")),
        (("fetch", "quantize", "measure", "claim"), "gate", ("done", "done", "done", "now")),
        (("fetch", "quantize", "measure early"), "measure", ("done", "done", "done", "now")),
    ],
)
def test_the_stations_of_a_run(steps: tuple[str, ...], stage: str | None, states: tuple[str, ...]) -> None:
    """What is behind a run, where it is, what is ahead: from its steps, and from what it last said."""
    run = run_of("family:a", "running", steps=tuple(Step(name=name, started=1, ended=2) for name in steps))
    way = Way(stage=stage, what="", total=1, unit="", marks=((0, 0),)) if stage else None
    assert tuple(view.state for view in stages(run, way)) == states


def test_steps_stand_where_they_were_in_the_runs_time() -> None:
    """Shares of the whole, between nothing and all, also for a step without times."""
    run = run_of(
        "family:a",
        at=150,
        steps=(
            Step(name="a", started=100, ended=125),
            Step(name="b", started=125, ended=150),
            Step(name="c"),
        ),
    )
    found = step_views(run, 1000)
    assert [(v.begin, v.width) for v in found] == [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0)]


def test_a_run_that_is_over_has_no_progress() -> None:
    """The last line of an ended run says nothing about now."""
    way = followed([line(0, 0), line(100, 500)])
    assert run_view(run_of("family:a", "running"), way=way, expected=60).progress is not None
    over = run_view(run_of("family:a", "done"), way=way, expected=60)
    assert (over.progress, over.ends_at) == (None, None)
    steps = tuple(Step(name=name, started=1, ended=2) for name in ("fetch", "quantize", "measure"))
    assert run_view(run_of("family:a", "running", steps=steps), way=way).progress is None, "measure is over"


# ---------------------------------------------------------------- plans, published


def test_a_plan_says_what_it_costs_and_where_it_goes() -> None:
    """Sizes are those of what is still to make; where: who sees it when."""
    plan = world.plan_of("a/B-8B")
    done = replace(plan.quants[0], action="published", why="published already")
    view = plan_view(world.proposal_of(replace(plan, quants=(done, *plan.quants[1:])), "It is new"))
    assert view.size == sum(quant.predicted_bytes for quant in plan.quants[1:])
    assert view.quants[0].does == "published already"
    assert view.where == "Repos of heron, private until verified, then public, in B-8B MLX quants."
    private = plan_view(world.proposal_of(replace(plan, keep_private=True), "It is new"))
    assert private.where == "Private repos of heron, which stay private."


def outcome(recipe: str, status: str = "published", *, measured: bool = True) -> Outcome:
    return Outcome(
        repo=f"heron/B-{recipe}-mlx",
        recipe=recipe,
        status=status,  # type: ignore[arg-type]  # a literal of the record
        measurement=world.measured("x", recipe) if measured else None,
    )


def test_several_runs_of_one_base_stand_together() -> None:
    """A later run that found its quants published already takes no number away; failures stay out."""
    first = FamilyResult(
        base="a/B",
        base_sha="1",
        base_measurement=None,
        outcomes=(outcome("q8-hi"), outcome("mxfp4", "failed")),
    )
    second = FamilyResult(
        base="a/B",
        base_sha="1",
        base_measurement=None,
        outcomes=(outcome("q8-hi", "already", measured=False), outcome("qx64-hi")),
    )
    views = [family_view(run, result, at, "https://hub.test") for run, result, at in
             (("one", first, 1.0), ("two", second, 2.0))]  # fmt: skip
    (family,) = newest_families((view for view in views if view is not None), 10)
    assert family.run == "two"
    assert [(quant.recipe, quant.status) for quant in family.quants] == [
        ("q8-hi", "published"),
        ("qx64-hi", "published"),
    ]
    boolq = next(score for score in family.quants[0].scores if score.task == "boolq")
    assert boolq.nothing is not None
    assert "choice 1" in boolq.nothing
