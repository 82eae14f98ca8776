"""Arrows in a table's heading: how the subject moved on each task."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.card.board import Model
from bot.review.claims.claim import Claim
from bot.review.claims.context import of
from bot.review.claims.findings import Reading
from bot.review.claims.metrics import Scale, signed, title
from bot.review.claims.scan import Token
from bot.review.claims.tables import Cell, Table

_ARROWS = {"\u2191": 1, "\u2193": -1, "\u2192": 0}


def arrows(
    text: str, scale: Scale, table: Table, tokens_of: Callable[[Cell], tuple[Token, ...]]
) -> Iterator[Claim]:
    """Arrows in the heading say how the subject moved; a flat one is a smaller move than a steep one."""
    marked: list[tuple[Token, int, int]] = []
    for cell in table.header:
        tokens = [t for t in tokens_of(cell) if t.tasks]
        for number, token in enumerate(tokens):
            until = tokens[number + 1].start if number + 1 < len(tokens) else cell.end
            for at in range(token.end, min(until, token.end + 4)):
                if text[at] in _ARROWS:
                    marked.append((token, _ARROWS[text[at]], at + 1))
    if len(marked) < 2 or len({sign for _, sign, _ in marked}) == 1:
        return
    names = dict.fromkeys(n for row in table.rows for t in tokens_of(row[0])[:1] for n in t.models)
    models = of(scale, names)
    if len(models) != 2:
        return
    yield _steepness(scale, marked, *models)


def _steepness(scale: Scale, marked: list[tuple[Token, int, int]], first: Model, second: Model) -> Claim:
    mine, theirs = (first, second) if first.role == "subject" else (second, first)
    moves = [(t.tasks[0], sign, scale.gap(mine, theirs, t.tasks[0]).delta) for t, sign, _ in marked]
    told = ", ".join(f"{title(task)} {signed(task, delta or 0.0)}" for task, _, delta in moves)
    right: bool | None = None
    if all(delta is not None for _, _, delta in moves):
        steep = [abs(d or 0.0) for _, sign, d in moves if sign]
        flat = [abs(d or 0.0) for _, sign, d in moves if not sign]
        agree = all((d or 0.0) * sign > 0 for _, sign, d in moves if sign)
        right = agree and (not flat or not steep or max(flat) < min(steep) or max(flat) <= 0.0015)
    return Claim(start=marked[0][0].start, end=marked[-1][2], readings=(Reading(holds=right, why=told),))
