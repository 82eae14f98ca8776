"""`the largest loss is 0.9 points`: the number of the task where the difference is largest or smallest."""

from __future__ import annotations

from bot.card.board import Model
from bot.review.claims.claim import Work
from bot.review.claims.findings import Reading
from bot.review.claims.judge import differs
from bot.review.claims.quantities import Quantity


def edge_of(work: Work, near: int) -> int:
    """+1 in `the largest loss is 0.9 points`, -1 in `the smallest`; 0 where no word says so."""
    word = work.clause.tokens[near - 1].superlative if near else None
    beside = word is not None and not work.clause.between(
        work.clause.tokens[near - 1], work.clause.tokens[near]
    ).strip(" -")
    return word.sign if word is not None and beside and word.rank == 1 else 0


def extreme(work: Work, mine: Model, theirs: Model, quantity: Quantity, sign: int, edge: int) -> Reading:
    """The number is that of the task with the largest or smallest difference of that direction."""
    deltas = {
        task: work.scale.gap(mine, theirs, task).delta or 0.0 for task in work.scale.shared(mine, theirs)
    }
    so = {task: delta for task, delta in deltas.items() if delta * (sign or 1) > 0}
    if not so:
        return Reading(holds=None, why="there is no such difference")
    task = max(so, key=lambda each: edge * abs(so[each]))
    return differs(work.scale, mine, theirs, task, quantity, 0)
