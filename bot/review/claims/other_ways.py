"""Other ways to understand a difference: whose it may be, where the words do not say it for certain."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from bot.review.claims.claim import Work
from bot.review.claims.context import of
from bot.review.claims.findings import Reading
from bot.review.claims.sides import Sides, pairs


def crowded(work: Work) -> bool:
    """`A is 2 % behind B and C 8 %`: several numbers and several models, perhaps in another order."""
    tokens = work.clause.tokens
    numbers = sum(token.quantity is not None for token in tokens)
    return numbers > 1 and len({name for token in tokens for name in token.models}) > 1


def by_others(
    work: Work, who: Sides, found: list[Reading], judged: Callable[..., list[Reading]]
) -> list[Reading]:
    """Left open where it is true of other models of the sentence, or of other tasks in a crowded clause."""
    board = work.scale.board
    named = [name for token in (*work.clause.earlier, *work.clause.tokens) for name in token.models]
    several = of(work.scale, dict.fromkeys((*named, board.subject.name)))
    base = (board.base,) if board.base is not None else ()
    said = {(other.name, mine.name) for mine, other in pairs(who)} if who.named and who.said else set()
    for mine in several:
        others = tuple(
            model
            for model in {each.name: each for each in (*several, *base)}.values()
            if model is not mine and (mine.name, model.name) not in said
        )
        if others and any(each.holds for each in judged(replace(who, subjects=(mine,), rivals=(others,)))):
            return [Reading(holds=None, why=f"it is not said whose it is; {found[0].why}")] if found else []
    return found
