"""Adopted quants of a base, for the cards of those that were made here: by name and size, no numbers."""

from __future__ import annotations

from collections.abc import Iterable

from bot import settings
from bot.adopt.adopted import Adopted
from bot.card.facts import Unmeasured
from bot.journal import published
from bot.journal.database import journal

MOST = 24
"""Rows that adopted quants take of a card's table."""


def of_base(endpoint: str, account: str, base: str) -> tuple[Unmeasured, ...]:
    """What the ledger of this process's settings knows; nothing where it was never written, or is another
    Hub's. Raises HostError."""
    known = settings.from_environment()
    if known.endpoint != endpoint:
        return ()
    if not known.database_url and not (known.state / "bot.sqlite").exists():
        return ()
    with journal(known) as opened:
        rows = published.of_base(opened, account, base)
    return shown(row.adopted for row in rows if row.origin == "adopted" and row.adopted is not None)


def shown(found: Iterable[Adopted]) -> tuple[Unmeasured, ...]:
    """Those that readers can see and whose base is not only a guess from the name. Pure."""
    public = (each for each in found if not each.private and each.base and each.made is None)
    return tuple(_unmeasured(each) for each in sorted(public, key=lambda each: each.repo))[:MOST]


def _unmeasured(each: Adopted) -> Unmeasured:
    """A recipe that its name and its config agree on stands as such; else the repo's own name."""
    sure = each.recipe.built_in and each.recipe.confidence == "certain"
    return Unmeasured(
        repo=each.repo,
        name=each.recipe.name if sure else each.repo.split("/", 1)[1],
        recipe=each.recipe.name if sure else None,
        size_bytes=each.size_bytes,
    )
