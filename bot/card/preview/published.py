"""The card as it stands on the Hub, or why it is not known."""

from __future__ import annotations

from typing import Literal

from bot.card.facts import Facts
from bot.card.preview.source import Door
from bot.errors import BotError
from bot.records import Record


class Published(Record, frozen=True, kw_only=True):
    """What the Hub said. `sentence` is for the reader; `text` is there only where the card was found."""

    state: Literal["asking", "no_repo", "not_published", "unreachable", "found"]
    sentence: str = ""
    text: str | None = None


ASKING = Published(state="asking", sentence="The Hub is being asked for the published card.")
EXAMPLE = Published(
    state="no_repo", sentence="These are the example's invented facts: nothing is published under their name."
)


def published(facts: Facts, door: Door) -> Published:
    """The README.md of the facts' repo, by the Hub's door. Raises nothing that the Hub can cause."""
    if facts.repo is None:
        return Published(
            state="no_repo",
            sentence="The facts name no repo: write `repo: owner/name` into them, or set BOT_ACCOUNT.",
        )
    try:
        hub = door()
        data = hub.read(facts.repo, "README.md")
    except BotError as error:
        return Published(state="unreachable", sentence=f"The Hub did not give the published card: {error}.")
    if data is None:
        return Published(
            state="not_published", sentence=f"Not published yet: {hub.url(facts.repo)} has no README.md."
        )
    return Published(
        state="found", sentence=f"Against {hub.url(facts.repo)}", text=data.decode("utf-8", errors="replace")
    )
