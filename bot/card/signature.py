"""Who stands behind a card's words: the publisher's initial, and the model that reviewed it. Pure."""

from __future__ import annotations

import re

from bot.card.facts import Facts

_SIGNED = re.compile(r"-(\S{1,40}) signature")
_REVIEWED = re.compile(r"reviewed-(with|by)")


def signature(facts: Facts) -> str | None:
    """`G` of a card that is signed -G; None of one that is not."""
    if facts.signed:
        return facts.signed.lstrip("-")
    return next((found[1] for block in facts.prose_blocks if (found := _SIGNED.search(block))), None)


def reviewed(facts: Facts) -> str | None:
    """`Reviewed with MODEL` (or by, where the facts say so); None where no model reviewed it."""
    if facts.review is not None:
        return f"Reviewed with {facts.review.model}"
    if not facts.reviewed_by:
        return None
    words = [found[1] for block in facts.prose_blocks if (found := _REVIEWED.search(block))]
    return f"Reviewed {words[0] if words else 'with'} {facts.reviewed_by}"
