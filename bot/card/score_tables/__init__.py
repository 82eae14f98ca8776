"""The tables that published cards have, computed from the board: one file for each kind, or two alike.

    delta       a row a task: this quant's score, then the signed difference to each rival
    difference  two models head to head: both scores, the difference, who leads
    scores      a row a task, a column a model, a remark that is computed
    profile     a row a model, a column a task, with an arrow in the head where this quant is higher or lower
    summary     win rate, average, best gain and worst loss against each rival
    quants      perplexity, speed and size of each quant
    use_cases   which model for which need, by the scores
    factors     widths, group size, parameters of two models side by side

Each is `(Table, Board) -> Shown`. Facts that name no tables get the standard ones of `standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.card.board import Board
from bot.card.facts import Facts, Kind, Table
from bot.card.score_tables import differences, factors, profile, quants, scores, summary, use_cases
from bot.card.score_tables.shown import Shown
from bot.card.score_tables.standard import standard

__all__ = ["Shown", "score_tables"]

_KINDS: dict[Kind, Callable[[Table, Board], Shown]] = {
    "delta": differences.delta,
    "difference": differences.difference,
    "scores": scores.scores,
    "profile": profile.profile,
    "summary": summary.summary,
    "quants": quants.quants,
    "use_cases": use_cases.use_cases,
    "factors": factors.factors,
}


def score_tables(facts: Facts, board: Board) -> tuple[Shown, ...]:
    """The tables that the facts name, or the standard ones; those with nothing to show are left out.

    Raises ConfigError for a model without facts.
    """
    made = (_KINDS[table.kind](table, board) for table in facts.tables or standard(board))
    return tuple(table for table in made if table.rows)
