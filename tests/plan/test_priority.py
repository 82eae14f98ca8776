"""The most wanted base comes first, and nothing starves."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bot.plan.priority import MOST, PATIENCE, Popularity, in_order, interest, overdue
from bot.plan.proposal import Proposal
from tests.plan.proposals import proposal

DAY = 86_400.0
counts = st.integers(0, 10**9)
interests = st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), 0.0, MOST])


@given(counts, counts, st.floats(0, 1e6), counts)
def test_interest_grows_with_each_sign_of_it_and_never_beyond_its_bound(
    downloads: int, likes: int, trending: float, more: int
) -> None:
    """Whatever the Hub says, it is between 0 and MOST; more of anything is never less interest."""
    found = interest(Popularity(downloads=downloads, likes=likes, trending=trending))
    assert 0 <= found <= MOST
    for other in (
        Popularity(downloads=downloads + more, likes=likes, trending=trending),
        Popularity(downloads=downloads, likes=likes + more, trending=trending),
        Popularity(downloads=downloads, likes=likes, trending=trending + more),
    ):
        assert interest(other) >= found


def test_of_two_that_came_together_the_more_wanted_is_first() -> None:
    """Interest decides among those of one day; a base that nobody knows waits."""
    known = proposal("a/known", interest=interest(Popularity(downloads=200_000, likes=900)), created_at=10)
    unknown = proposal("a/unknown", interest=interest(Popularity(downloads=3)), created_at=0)
    assert [p.repo for p in in_order([unknown, known], DAY)] == ["a/known", "a/unknown"]
    assert [p.repo for p in in_order([unknown, known], 400 * DAY)] == ["a/known", "a/unknown"]


@given(st.lists(st.tuples(interests, st.floats(0, 1e9)), min_size=2, max_size=20), st.floats(0, 2e9))
def test_whoever_came_long_enough_before_is_first(arrived: list[tuple[float, float]], now: float) -> None:
    """A proposal is before every one that came more than PATIENCE after it, whatever their interest."""
    found = in_order(
        [proposal(f"a/b{n}", interest=i, created_at=at) for n, (i, at) in enumerate(arrived)], now
    )
    for place, late in enumerate(found):
        for early in found[place + 1 :]:
            assert min(early.created_at, now) + PATIENCE + 1e-3 >= min(late.created_at, now)


@given(
    st.lists(st.tuples(st.floats(0, 60), st.floats(0, MOST)), max_size=60),
    st.floats(0, MOST),
    st.floats(0.05, 2),
)
@example(arrivals=[(float(day), MOST) for day in range(60)], own=0.0, days_a_run=1.0)
def test_nothing_starves(arrivals: list[tuple[float, float]], own: float, days_a_run: float) -> None:
    """One at a time is started, others keep coming: a proposal has started after at most those that waited
    when it came and those that came within PATIENCE after it, however wanted they all are."""
    came = 20.0
    mine = proposal("a/mine", interest=own, created_at=came * DAY)
    others = [
        proposal(f"a/b{n}", interest=wanted, created_at=day * DAY) for n, (day, wanted) in enumerate(arrivals)
    ]
    clock, waiting, before = 0.0, [*others, mine], 0
    while True:
        there = [p for p in waiting if p.created_at <= clock * DAY]
        if there:
            first: Proposal = in_order(there, clock * DAY)[0]
            if first is mine:
                break
            waiting.remove(first)
            before += clock >= came
        clock += days_a_run
    older = sum(p.created_at <= mine.created_at + days_a_run * DAY for p in others)
    soon = sum(mine.created_at < p.created_at <= mine.created_at + PATIENCE for p in others)
    assert before <= older + soon


def test_overdue_is_who_waited_longer_than_that() -> None:
    """From then on nothing that came later takes its place."""
    assert not overdue(proposal(created_at=0), PATIENCE - 1)
    assert overdue(proposal(created_at=0), PATIENCE + 1)
