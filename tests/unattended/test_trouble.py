"""Trouble: a Hub that is down for a day is told twice, when it went and when it came back."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.journal.database import journal
from bot.journal.timeline import since
from bot.settings import Settings
from bot.unattended.trouble import Troubles, news

looks = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["one", "two"]))


@given(looks, looks)
def test_what_is_new_and_what_is_over_leads_from_one_look_to_the_next(
    before: dict[str, str], now: dict[str, str]
) -> None:
    """Taking what is over away and adding what began gives the causes of the later look, and nothing
    twice."""
    found = news(before, now)
    assert (set(before) - set(found.over)) | set(found.began) == set(now)
    assert not set(found.began) & set(before)
    assert set(found.over) <= set(before)


def test_a_trouble_that_lasts_is_told_once_and_its_end_once(tmp_path: Path) -> None:
    """Sweep after sweep finds the Hub down: the timeline has its beginning and its end, also when the
    sentence differs a little, and other areas play no part."""
    with journal(Settings(home=tmp_path)) as opened:
        troubles = Troubles(opened)
        troubles.about("watching", {"the sweep": "the Hub cannot be reached"})
        troubles.about("starting", {})
        troubles.about("watching", {"the sweep": "the Hub answered 503", "Qwen": "Qwen has no models"})
        troubles.about("watching", {"Qwen": "Qwen has no models"})
        told = [(event.subject, bool(event.data)) for event in reversed(since(opened))]
    assert told == [("the sweep", False), ("Qwen", False), ("the sweep", True)]
