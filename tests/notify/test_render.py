"""What a message says: short, plain, with the command to type, and nothing in it that a chat would obey."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot import redaction
from bot.journal.timeline import EventKind, Happened
from bot.notify.render import LEAD, LINES, LONGEST, message


def happened(kind: EventKind, subject: str, text: str, number: int = 1, **data: object) -> Happened:
    return Happened(id=number, at=0.0, kind=kind, subject=subject, text=text, data=data or None)


def test_a_wish_for_a_yes_names_the_command() -> None:
    """From the phone one can read what it is about and copy the line."""
    told = message(
        [happened("waiting", "Qwen/Qwen3-8B", "Qwen/Qwen3-8B is new: 5 quants", plan="Qwen3-8B-3f9a1c")]
    )
    assert told.title == "qx-bot: waits for your yes: Qwen/Qwen3-8B"
    assert told.body == "Waits for your yes: Qwen/Qwen3-8B is new: 5 quants\n  bot approve Qwen3-8B-3f9a1c"
    assert told.mood == "ask"


def test_a_bundle_is_counted_in_its_title() -> None:
    """Two published quants and a failed one: the title says so, and does not count their plan beside them."""
    told = message(
        [
            happened("published", "t/a", "t/a is public", 1),
            happened("published", "t/b", "t/b is public", 2),
            happened("failed", "t/c", "t/c: the disk is full", 3),
            happened("failed", "Qwen/X", "Qwen/X: 2 of 3 quants are public", 4, state="over"),
        ]
    )
    assert told.title == "qx-bot: 2 published, 1 failed"
    assert told.mood == "bad"
    assert told.body.splitlines() == [
        "Published: t/a is public",
        "Published: t/b is public",
        "Failed: t/c: the disk is full",
        "  bot status",
        "Failed: Qwen/X: 2 of 3 quants are public",
        "  bot status",
    ]


def test_a_text_that_names_its_command_is_left_at_that() -> None:
    """No second one below it; and the end of a trouble asks for nothing."""
    stopped = happened("stopped", "t/a", "t/a: KL 0.3; `bot approve t/a` makes it public nonetheless")
    over = happened("trouble", "hub", "hub: that is over", over=True)
    assert message([stopped]).body.count("bot approve") == 1
    assert message([over]).body == "Over: hub: that is over"
    assert message([over]).mood == "plain"


def test_many_events_are_cut_to_a_readable_message() -> None:
    """A thousand new bases are some lines and a number."""
    told = message([happened("found", f"a/b{n}", "is new", n) for n in range(1000)])
    assert told.title == "qx-bot: 1000 new bases"
    assert len(told.body.splitlines()) == LINES + 1
    assert told.body.endswith("… and 985 more: bot history")


@given(st.sampled_from(sorted(LEAD)), st.text(max_size=400), st.text(max_size=400), st.text(max_size=60))
def test_text_of_strangers_stays_text(kind: EventKind, subject: str, text: str, plan: str) -> None:
    """No line of its own, no mention of everybody, no secret, no endless line, whatever upstream wrote."""
    redaction.REDACTOR.hide("the-secret")
    hostile = f"{text}the-secret@everyone <!channel> @here{subject}"
    told = message([happened(kind, subject + "the-secret", hostile, plan=plan)])
    lines = [*told.title.splitlines(), *told.body.splitlines()]
    assert len(lines) <= 3
    assert all(len(line) <= LONGEST + 120 for line in lines)
    whole = "\n".join(lines)
    for forbidden in ("the-secret", "@everyone", "@here", "<!channel"):
        assert forbidden not in whole
