"""Placement: what fits runs, nothing runs where it does not fit, no worker gets two, nothing starves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.fleet.placement import OVERDUE, Asked, Placement, Seat, fits, place
from bot.plan.proposal import Need

TAGS = ("mac", "mac-ultra", "linux-cpu")
GB = 10**9


def needs() -> st.SearchStrategy[Need]:
    return st.builds(
        Need,
        tags=st.lists(st.sampled_from(TAGS), max_size=2, unique=True).map(tuple),
        memory_bytes=st.sampled_from([0, 8, 64, 128, 500]).map(lambda gb: gb * GB),
    )


def fleets() -> st.SearchStrategy[list[Seat]]:
    seat = st.tuples(
        st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
        st.sampled_from([8, 64, 192]).map(lambda gb: gb * GB),
        st.booleans(),
    )
    return st.lists(seat, max_size=5).map(
        lambda rows: [
            Seat(executor=f"{number % 3}-w{number}", tags=tags, memory_bytes=memory, busy=busy)
            for number, (tags, memory, busy) in enumerate(rows)
        ]
    )


def plans(count: int = 12) -> st.SearchStrategy[list[Asked]]:
    row = st.tuples(needs(), st.integers(0, 3), st.floats(0, 2 * OVERDUE))
    return st.lists(row, max_size=count).map(
        lambda rows: [
            Asked(run=f"run{number}", need=need, priority=priority, since=since)
            for number, (need, priority, since) in enumerate(rows)
        ]
    )


NOW = 2 * OVERDUE


@given(plans(), fleets())
@settings(max_examples=100)
def test_each_placement_keeps_the_rules(asked: list[Asked], fleet: list[Seat]) -> None:
    """Every run is placed once or told why not; only where it fits; on a free worker; none has two."""
    found = place(asked, fleet, NOW)
    seats = {seat.executor: seat for seat in fleet}
    runs = {one.run: one for one in asked}

    told = [one.run for one in found.placed] + [one.run for one in found.waiting]
    assert sorted(told) == sorted(runs)
    taken = [one.executor for one in found.placed]
    assert len(taken) == len(set(taken))
    for one in found.placed:
        assert not seats[one.executor].busy
        assert fits(runs[one.run].need, seats[one.executor])
    for left in found.waiting:
        assert left.why
        assert left.nowhere == (not any(fits(runs[left.run].need, seat) for seat in fleet))


@given(plans(7), fleets())
@settings(max_examples=100)
def test_nothing_waits_that_could_run_beside_all_that_goes_before_it(
    asked: list[Asked], fleet: list[Seat]
) -> None:
    """Held against every way of seating: the runs placed are, in the order of service, the best that any
    seating reaches. So a higher priority is never left waiting for a lower one."""
    order = sorted(asked, key=lambda one: served(one, NOW))
    best = best_seating([one.need for one in order], [seat for seat in fleet if not seat.busy])
    placed = {one.run for one in place(asked, fleet, NOW).placed}
    assert [one.run in placed for one in order] == best


def served(one: Asked, now: float) -> tuple[float, ...]:
    """The order in words: overdue first, oldest first; then by priority, then by age; then by name."""
    number = float(one.run.removeprefix("run"))
    if now - one.since >= OVERDUE:
        return (0.0, one.since, 0.0, number)
    return (1.0, -one.priority, one.since, number)


def best_seating(needs: list[Need], free: list[Seat]) -> list[bool]:
    """By trying all: the lexicographically best choice of who sits."""
    if not needs:
        return []
    ways = [
        [True, *best_seating(needs[1:], [other for other in free if other is not seat])]
        for seat in free
        if fits(needs[0], seat)
    ]
    return max([*ways, [False, *best_seating(needs[1:], free)]])


@dataclass
class Simulation:
    """A fleet over time: a look every minute, runs of known length, some workers dying for a while."""

    fleet: dict[str, Seat]
    waiting: dict[str, Asked] = field(default_factory=dict)
    at_work: dict[str, tuple[str, float]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    longest: float = 0.0

    def look(self, now: float, seconds: dict[str, float]) -> Placement:
        for executor, (run, until) in list(self.at_work.items()):
            if until <= now:
                self.ended.append(run)
                del self.at_work[executor]
        seats = [
            Seat(
                executor=one.executor,
                tags=one.tags,
                memory_bytes=one.memory_bytes,
                busy=one.executor in self.at_work,
            )
            for one in self.fleet.values()
        ]
        found = place(list(self.waiting.values()), seats, now)
        for one in found.placed:
            asked = self.waiting.pop(one.run)
            assert one.executor not in self.at_work
            assert fits(asked.need, self.fleet[one.executor])
            self.longest = max(self.longest, now - asked.since)
            self.at_work[one.executor] = (one.run, now + seconds[one.run])
        return found


FLEET = {
    seat.executor: seat
    for seat in (
        Seat(executor="a-ultra", tags=("mac", "mac-ultra"), memory_bytes=400 * GB),
        Seat(executor="b-mini", tags=("mac",), memory_bytes=48 * GB),
        Seat(executor="c-mini", tags=("mac",), memory_bytes=48 * GB),
        Seat(executor="d-box", tags=("linux-cpu",), memory_bytes=64 * GB),
    )
}


@given(st.integers(0, 2**32))
@settings(max_examples=2)
def test_a_thousand_plans_all_run_once_where_they_fit(seed: int) -> None:
    """1,000 simulated plans in two lives of a fleet: what fits somewhere ends, once; what fits nowhere is
    named with its reason and hinders nobody."""
    draw = random.Random(seed)
    arrivals: list[tuple[float, Asked, float]] = []
    for number in range(1000):
        at = draw.uniform(0, 10 * 24 * 3600.0)
        tags = draw.choices([(), ("mac",), ("mac-ultra",), ("linux-cpu",), ("mac-studio",)], (9, 9, 3, 9, 1))[
            0
        ]
        memory = draw.choices([0, 8, 40, 60, 300, 900], (9, 9, 9, 3, 1, 1))[0] * GB
        asked = Asked(
            run=f"run{number}",
            need=Need(tags=tags, memory_bytes=memory),
            priority=draw.choice([0, 1, 2]),
            since=at,
        )
        arrivals.append((at, asked, draw.choice([600.0, 1800.0, 5400.0])))
    arrivals.sort(key=lambda row: row[0])
    seconds = {asked.run: took for _, asked, took in arrivals}
    possible = {asked.run for _, asked, _ in arrivals if any(fits(asked.need, s) for s in FLEET.values())}

    world, now = Simulation(FLEET), 0.0
    found = Placement()
    while arrivals or world.at_work or any(run in possible for run in world.waiting):
        now += 1200.0
        while arrivals and arrivals[0][0] <= now:
            _, asked, _ = arrivals.pop(0)
            world.waiting[asked.run] = asked
        found = world.look(now, seconds)
        assert now < 200 * 24 * 3600.0, "it never ends"

    assert sorted(world.ended) == sorted(possible)
    left = {one.run: one for one in found.waiting}
    assert set(left) == {f"run{number}" for number in range(1000)} - possible
    assert all(one.nowhere and ("tag" in one.why or "memory" in one.why) for one in left.values())


def test_a_low_priority_does_not_starve_under_a_stream_of_high_ones() -> None:
    """One worker, a new urgent run every time it is free: the patient one still runs once it is overdue."""
    world = Simulation({"a-only": Seat(executor="a-only", memory_bytes=GB)})
    world.waiting["patient"] = Asked(run="patient", priority=0.0, since=0.0)
    seconds = {"patient": 3600.0}
    now, number = 0.0, 0
    while "patient" in world.waiting:
        number += 1
        seconds[f"urgent{number}"] = 3600.0
        world.waiting[f"urgent{number}"] = Asked(run=f"urgent{number}", priority=9.0, since=now)
        world.look(now, seconds)
        now += 1800.0
        assert now <= OVERDUE + 2 * 3600.0


def test_a_small_run_leaves_the_large_worker_to_a_large_one() -> None:
    """Whichever is asked for first, both run at once."""
    fleet = list(FLEET.values())
    small = Asked(run="small", need=Need(tags=("mac",), memory_bytes=8 * GB), priority=5)
    large = Asked(run="large", need=Need(tags=("mac",), memory_bytes=300 * GB))
    placed = {one.run: one.executor for one in place([small, large], fleet, 0.0).placed}
    assert placed == {"small": "b-mini", "large": "a-ultra"}


def test_two_runs_go_to_two_machines_before_two_workers_of_one() -> None:
    """Workers of one machine share its GPU: an idle machine comes first."""
    fleet = [
        Seat(executor="a-one", memory_bytes=GB, busy=True),
        Seat(executor="a-two", memory_bytes=GB),
        Seat(executor="b-one", memory_bytes=2 * GB),
    ]
    assert place([Asked(run="r")], fleet, 0.0).placed[0].executor == "b-one"


def test_what_fits_nowhere_says_which_wish_nobody_grants() -> None:
    """The reason names the tag that is missing, else the largest memory that there is."""
    fleet = list(FLEET.values())

    def why(need: Need, seats: list[Seat] = fleet) -> str:
        (left,) = place([Asked(run="r", need=need)], seats, 0.0).waiting
        assert left.nowhere
        return left.why

    assert why(Need(tags=("mac-studio",))) == "no living worker has the tag mac-studio"
    assert why(Need(tags=("mac", "linux-cpu"))) == "no living worker has all the tags mac, linux-cpu"
    assert "838.2 GiB" in why(Need(memory_bytes=900 * GB))
    assert "(a-ultra) has 372.5 GiB" in why(Need(memory_bytes=900 * GB))
    assert "of those with linux-cpu (d-box)" in why(Need(tags=("linux-cpu",), memory_bytes=100 * GB))
    assert why(Need(), []).startswith("no worker is alive")
