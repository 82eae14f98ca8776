"""`A and B go to X`: whom a task belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.clause import TaskGroup
from bot.review.claims.context import of, unique
from bot.review.claims.findings import Reading, together
from bot.review.claims.metrics import title
from bot.review.claims.parties import Party, parties

_VERBS = frozenset(
    [
        "belongs to",
        "belong to",
        "goes to",
        "go to",
        "went to",
        "held by",
        "taken by",
        "owned by",
        "claimed by",
    ]
)
_CLOSE = frozenset(["", "is", "are", "was", "were", "all", "both", "clearly", "also", "the", "narrowly"])


def find(work: Work) -> Iterator[Claim]:
    """Tasks with the model that has the best score on them."""
    tokens = work.clause.tokens
    everyone = {party.first: party for party in parties(work.clause)}
    for index in list(work.free()):
        token = tokens[index]
        if not token.kind("advice") or work.clause.text[token.start : token.end].lower() not in _VERBS:
            continue
        group = next((group for group in work.groups if group.last == index - 1), None)
        winner = everyone.get(index + 1)
        if group is None or winner is None or len(winner.models) != 1 or winner.unknown:
            continue
        if _near(work, index):
            made = work.claim(group.first, winner.last, _readings(work, group, winner))
            if made is not None:
                yield made


def _near(work: Work, index: int) -> bool:
    tokens = work.clause.tokens
    gaps = (
        work.clause.between(tokens[index - 1], tokens[index]),
        work.clause.between(tokens[index], tokens[index + 1]),
    )
    return all(set(gap.lower().split()) <= _CLOSE for gap in gaps)


def _readings(work: Work, group: TaskGroup, winner: Party) -> list[Reading]:
    """Best of those spoken of, of all, or against the card's own model."""
    (mine,) = of(work.scale, winner.models)
    own = work.scale.board.subject
    others = tuple(model for model in work.scale.scored if model is not mine)
    named = [name for token in (*work.clause.earlier, *work.clause.tokens) for name in token.models]
    told = of(work.scale, dict.fromkeys((*work.context.subjects, *work.context.rivals, *named)))
    sets = (tuple(model for model in told if model is not mine), others, (own,) if own is not mine else ())
    return [_best(work, mine, rivals, group) for rivals in unique(sets)]


def _best(work: Work, mine: Model, rivals: Sequence[Model], group: TaskGroup) -> Reading:
    parts = []
    for task in group.tasks:
        value = work.scale.value(mine, task)
        for other in rivals:
            theirs = work.scale.value(other, task)
            known = value is not None and theirs is not None
            told = f"{title(task)}: {mine.label} {value} against {theirs} of {other.label}"
            parts.append(Reading(holds=(value or 0.0) > (theirs or 0.0) if known else None, why=told))
    return together(parts) or Reading(holds=None, why="nothing to compare")
