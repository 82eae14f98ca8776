"""Which events are told: each once, in few messages, for a day; nothing that is no longer true."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.journal.timeline import EventKind, Happened
from bot.notify.decide import AN_HOUR, GIVE_UP, HOUR, REPEAT, SETTLE, Notices, decide, likeness

KINDS: tuple[EventKind, ...] = ("found", "waiting", "published", "failed", "trouble", "digest")
FIRST = Notices(since=0.0)
NOW = 1_000_000.0


def happened(number: int, at: float, kind: EventKind = "published", **more: object) -> Happened:
    subject = str(more.pop("subject", f"tester/quant-{number}"))
    return Happened(
        id=number, at=at, kind=kind, subject=subject, text=str(more.pop("text", "it happened")),
        data=more or None,
    )  # fmt: skip


def test_a_burst_is_one_message() -> None:
    """What happens at once is told at once: after a moment, oldest first, all of it."""
    burst = [happened(number, NOW - number) for number in (3, 1, 2)]
    assert decide(burst, FIRST, KINDS, NOW).send == ()
    assert [event.id for event in decide(burst, FIRST, KINDS, NOW + SETTLE).send] == [1, 2, 3]


def test_a_service_hears_what_it_wants_from_its_first_day_on() -> None:
    """Neither other kinds, nor what was before it was a service, nor what it was told already."""
    events = [
        happened(1, NOW - 500),
        happened(2, NOW - 300),
        happened(3, NOW - 300, "found"),
        happened(4, NOW - 300),
    ]
    notices = Notices(since=NOW - 400, handled=frozenset({4}))
    assert [event.id for event in decide(events, notices, ("published",), NOW).send] == [2]


def test_the_same_trouble_is_told_once() -> None:
    """A Hub that is down at every sweep rings once in six hours, whatever the sentence; its end is told."""
    first = happened(1, NOW, "trouble", subject="hub", text="the Hub is down")
    again = happened(2, NOW + 1800, "trouble", subject="hub", text="the Hub is down for 30 minutes")
    over = happened(3, NOW + 3600, "trouble", subject="hub", text="hub: that is over", over=True)
    later = happened(4, NOW + REPEAT, "trouble", subject="hub", text="the Hub is down")
    told = Notices(since=0.0, handled=frozenset({1}), told={likeness(first): NOW})
    events = [first, again, over, later]
    assert [event.id for event in decide(events, told, KINDS, NOW + REPEAT + SETTLE).send] == [3, 4]


def test_of_equal_events_in_one_message_one_is_told() -> None:
    """Bundled too: the newest of equal ones stands for all."""
    events = [happened(n, NOW, "trouble", subject="disk", text=f"{n} GB are free") for n in (3, 2, 1)]
    assert [event.text for event in decide(events, FIRST, KINDS, NOW + SETTLE).send] == ["3 GB are free"]


def test_nobody_is_asked_for_a_yes_that_was_given() -> None:
    """A service that was dead when a plan waited does not ask for it after it was approved."""
    waits = [
        happened(1, NOW, "waiting", subject="Qwen/A", plan="A-1"),
        happened(2, NOW, "waiting", subject="Qwen/A", plan="A-2"),
    ]
    answer = happened(3, NOW + 1, "decided", subject="Qwen/A", plan="A-1")
    assert [e.id for e in decide([*waits, answer], FIRST, ("waiting",), NOW + SETTLE).send] == [2]


def test_a_digest_comes_alone_and_at_once() -> None:
    """It waits for nobody and shares its message with nothing."""
    events = [happened(1, NOW - 60), happened(2, NOW, "digest")]
    assert [event.id for event in decide(events, FIRST, KINDS, NOW).send] == [2]
    assert [event.id for event in decide(events[:1], FIRST, KINDS, NOW).send] == [1]


def test_after_a_day_it_is_given_up() -> None:
    """What nobody took for a day is old news: it is not sent any more, and said to be given up."""
    events = [happened(1, NOW - GIVE_UP - 1), happened(2, NOW - GIVE_UP + 1)]
    decision = decide(events, FIRST, KINDS, NOW)
    assert [event.id for event in decision.send] == [2]
    assert [event.id for event in decision.give_up] == [1]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 2 * GIVE_UP),
            st.sampled_from(KINDS),
            st.sampled_from(("a", "b", "c")),
            st.text(max_size=2),
        ),
        max_size=40,
    ),
    st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_every_event_is_told_at_most_once_and_none_is_lost(
    made: list[tuple[float, EventKind, str, str]], up: list[bool]
) -> None:
    """Whatever happens when, and whenever the service is up: each event is told once, or an equal one was,
    or it is given up after a day; and never more than twelve messages in an hour."""
    events = [
        happened(number, at, kind, subject=subject, text=text)
        for number, (at, kind, subject, text) in enumerate(sorted(made), 1)
    ]
    told: list[int] = []
    given_up: list[int] = []
    sent: list[float] = []
    texts: dict[str, float] = {}
    now = 0.0
    for step in range(int(3.5 * GIVE_UP / 600)):
        now = step * 600.0
        there = [event for event in events if event.at <= now]
        notices = Notices(
            since=0.0, handled=frozenset([*told, *given_up]), told=dict(texts), sent=tuple(sent)
        )
        decision = decide(there, notices, KINDS, now)
        given_up += [event.id for event in decision.give_up]
        if decision.send and up[step % len(up)]:
            told += [event.id for event in decision.send]
            texts |= {likeness(event): now for event in decision.send}
            sent.append(now)
    assert len(told) == len(set(told))
    assert not set(told) & set(given_up)
    for event in events:
        if event.id not in told and event.id not in given_up:
            assert likeness(event) in texts
    assert all(sum(start <= at < start + HOUR for at in sent) <= AN_HOUR for start in sent)
    if all(up):
        assert not given_up
