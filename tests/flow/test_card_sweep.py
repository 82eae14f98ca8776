"""`cards: auto`: published cards follow a commit to a template while `bot run` is unattended."""

from __future__ import annotations

from tests.flow.conftest import Bot, kill, wait_for
from tests.flow.test_card_update import (  # noqa: F401  the fixtures of cards on a Hub
    OTHER_LINE,
    Published,
    Templates,
    bot,
    hub,
    published,
    templates,
)


def test_the_daemon_brings_cards_up_to_date_after_a_commit(
    bot: Bot,  # noqa: F811
    templates: Templates,  # noqa: F811
    published: Published,  # noqa: F811
) -> None:
    """A sweep finds the templates at a new commit; one commit a card follows, without a yes."""
    target = published.put()
    before = published.commits(target)
    bot.watchlist.write_text(bot.watchlist.read_text() + "cards: auto\n")
    templates.change()
    daemon = bot.start("run")
    try:
        wait_for(lambda: OTHER_LINE in published.readme(target), 120, "the card to follow its template")
    finally:
        kill(daemon)
    assert published.commits(target)[1:] == before
