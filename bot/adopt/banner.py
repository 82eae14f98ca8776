"""The banner on recalled cards: by the same commit as `bot card update`, so that a person's words stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.adopt.recall import Affected, marked
from bot.card.facts import Facts
from bot.huggingface import HubDoor
from bot.journal.database import Journal
from bot.journal.timeline import tell
from bot.publish import update_cards
from bot.publish.card_decision import CardUpdate
from bot.publish.card_figures import Draw
from bot.publish.update_cards import Wanted


def banners(
    door: HubDoor,
    journal: Journal,
    found: Sequence[Affected],
    draw: Draw,
    *,
    then: str = "",
    own: Path | None = None,
    today: str = "",
) -> Iterator[CardUpdate]:
    """Put the banner on each card; what fails stands in its update, and does not stop the others.

    `then`: what comes of it, for the banner. A card that says it already is left as it is. `own`: the
    account's templates.
    """
    date = today or datetime.now(UTC).date().isoformat()
    for each in found:

        def change(facts: Facts, why: str = each.why) -> Facts:
            return marked(facts, why, then, date)

        wanted = Wanted(own=own, change=change, message=f"Recalled: {each.why}"[:200])
        for planned in update_cards.plans(door, [each.there], wanted):
            done = update_cards.write(door, planned, draw, wanted)
            if done.commit:
                tell(
                    journal,
                    "recalled",
                    done.repo,
                    f"{done.repo} is recalled: {each.why}",
                    {"commit": done.commit},
                )
            yield done
