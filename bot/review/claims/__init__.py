"""What a text claims about models, held against the facts: `check(text, board)` gives findings.

A grammar over facts, not a list of sentences: names, tasks, numbers and relation words are found in a text
and joined to claims, each of which is judged against the board, with its arithmetic. When in doubt, a claim
is not checkable, never false.
"""

from bot.review.claims.check import check
from bot.review.claims.findings import Finding, Verdict

__all__ = ["Finding", "Verdict", "check"]
