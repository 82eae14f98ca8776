"""Parts and multiples: `98.9 % of the average`, `half the size of`, `twice as fast as`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work, metric_of
from bot.review.claims.context import of
from bot.review.claims.findings import Reading
from bot.review.claims.judge import fits
from bot.review.claims.metrics import MEAN, SIZE, SPEED
from bot.review.claims.quantities import Quantity
from bot.review.claims.scan import Token
from bot.review.claims.sides import Sides, pairs, sides

_ITS = re.compile(r" of (?:its|their)\b", re.IGNORECASE)
_AGAIN = re.compile(r" (?:again|as much)\b", re.IGNORECASE)


def find(work: Work) -> Iterator[Claim]:
    """Numbers and words that are a part or a multiple of another model's value."""
    for index in list(work.free()):
        token, made = work.clause.tokens[index], None
        if token.quantity is not None and _is_share(work, index, token.quantity):
            made = _share(work, index, token.quantity)
        elif token.kind("times"):
            made = _times(work, index)
        if made is not None:
            yield made


def _is_share(work: Work, index: int, quantity: Quantity) -> bool:
    """`retains 98.9 % of the average`."""
    after = work.clause.text[work.clause.tokens[index].end : work.clause.tokens[index].end + 4]
    before = work.clause.tokens[index - 1].relation if index else None
    if before is not None and before.sign < 0:
        return False  # `saves 53 % of the space`
    return quantity.kind == "percent" and quantity.low > 50 and not quantity.sign and after.startswith(" of ")


def _share(work: Work, index: int, quantity: Quantity) -> Claim | None:
    """What is left of the base's value, or of that of a named rival."""
    who = sides(work.scale, work.clause, work.context, index)
    if not any(t.models for t in work.clause.tokens[:index]):
        who = Sides(subjects=of(work.scale, work.context.subjects) or (work.scale.board.subject,), rivals=())
    base = work.scale.board.base
    said = _behind(work, index)
    others = tuple(m for t in said[:1] for m in of(work.scale, t.models)) or ((base,) if base else ())
    group, named = work.tasks_for(index), work.metric()
    if near := _metric_behind(work, index):
        group, named = None, near
    metrics = (
        group.tasks if group else (named,) if named else (MEAN,) if work.clause.has("performance") else ()
    )
    found = []
    owners = [(mine, other) for mine in who.subjects for other in others if other is not mine]
    for mine, other in (*owners, *_of_its(work, index)):
        if mine is not other:
            for metric in metrics:
                gap = work.scale.gap(mine, other, metric)
                right = (
                    None
                    if gap.mine is None or not gap.theirs
                    else fits(quantity, gap.mine / gap.theirs, work.bound(index), 100.0)
                )
                told = gap.told(mine, other)
                if (
                    gap.theirs
                    and metric in (*work.scale.tasks, MEAN)
                    and fits(quantity, gap.theirs, "", 100.0)
                ):
                    right = True  # `the 78.3 % of bf16` is its score
                found.append(
                    Reading(
                        holds=right,
                        why=told if not gap.theirs else f"{told}: {100 * (gap.mine or 0) / gap.theirs:.1f} %",
                    )
                )
    return work.claim(
        index, index, found or [Reading(holds=None, why="it is not said what this is a share of")]
    )


def _of_its(work: Work, index: int) -> list[tuple[Model, Model]]:
    """`99 % of A's average in 64 % of its size`: A's size, and the share is the card's own model's."""
    if not _ITS.match(work.clause.text, work.clause.tokens[index].end):
        return []
    named = [name for token in work.clause.tokens[:index] for name in token.models]
    return [(work.scale.board.subject, other) for other in of(work.scale, named[-1:])]


def _behind(work: Work, index: int) -> list[Token]:
    """The models behind a share; one with a number of its own is another's: `A 99 % of it, with B 97 %`."""
    found: list[Token] = []
    before = None
    for token in work.clause.tokens[index + 1 :]:
        if token.quantity is not None:
            own = (
                before is not None and before.is_model and not work.clause.between(before, token).strip(" :(")
            )
            return found[:-1] if own else found
        if token.models and not token.unknown:
            found.append(token)
        before = token
    return found


def _metric_behind(work: Work, index: int) -> str:
    """`94 % of A's speed`: the metric that follows, before any other number or task."""
    for token in work.clause.tokens[index + 1 : index + 4]:
        if token.quantity or token.tasks:
            return ""
        if token.kind("metric") and token.word is not None:
            return token.word.value
    return ""


def _times(work: Work, index: int) -> Claim | None:
    """`half the size of`, `twice as fast as`, `less than half the space`."""
    token = work.clause.tokens[index]
    near = work.nearest_relation(index)
    relation = work.clause.tokens[near].relation if near is not None else None
    metric = metric_of(relation, work.metric_at(index))
    if metric not in (SIZE, SPEED):
        return None
    who = sides(work.scale, work.clause, work.context, index)
    assert token.word is not None
    value = float(token.word.value)
    if _AGAIN.match(work.clause.text, token.end):
        return None
    quantity = Quantity(kind="times", low=value, places=1)
    by = near == index + 1 and relation is not None and relation.sign < 0
    bound = work.bound(index) or "about"
    found = []
    for mine, other in pairs(who) if who.named else []:
        gap = work.scale.gap(mine, other, metric)
        if gap.mine is None or not gap.theirs:
            found.append(Reading(holds=None, why=gap.told(mine, other)))
            continue
        ratio = gap.mine / gap.theirs
        right = fits(quantity, ratio, bound) or (
            value > 1 and fits(quantity, 1 / ratio, bound) and relation is not None and relation.sign < 0
        )
        right = right or (by and value < 1 and fits(quantity, 1 - ratio, bound))  # `two thirds smaller`
        found.append(Reading(holds=right, why=f"{gap.told(mine, other)}: {ratio:.2f} times"))
    return work.claim(index, index, found)
