"""`bot card update` by itself: with `cards: auto`, published cards follow each commit to a template."""

from __future__ import annotations

import logging

from bot.card.template_folder import commit_of, standard
from bot.publish import update_cards
from bot.publish.account import writable
from bot.publish.card_door import RememberingDoor
from bot.publish.update_cards import Wanted
from bot.settings import Settings
from bot.watch.watchlist import Watchlist

log = logging.getLogger("bot")


class CardSweep:
    """Looks at the published cards once for each commit of the templates, and again after a failure."""

    def __init__(self) -> None:
        self._done_at: str | None = None

    def __call__(self, settings: Settings, watchlist: Watchlist) -> None:
        """Bring the account's cards up to date where the watchlist lets it. Raises BotError.

        Templates that are not committed are left alone: a published card names its templates' commit.
        """
        own = settings.templates.absolute() if settings.templates else None
        commit = commit_of(own or standard())
        if watchlist.cards != "auto" or commit in (None, self._done_at) or str(commit).endswith("-dirty"):
            return
        from bot.card.figures.draw import figures  # matplotlib, for those alone who draw

        door, wanted = RememberingDoor(settings), Wanted(own=own)
        account = writable(door, settings.account, watchlist.account)
        done = [
            update_cards.write(door, planned, figures, wanted)
            for planned in update_cards.plans(door, update_cards.published(door, account), wanted)
        ]
        for each in done:
            if each.commit or each.error or each.status == "conflict":
                log.info("card of %s: %s", each.repo, each.commit or each.error or "edited by hand, conflict")
        if not any(each.error for each in done):
            self._done_at = commit
