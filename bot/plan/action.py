"""What a kind of change leads to: a pure table, one line a kind (see docs/unattended.md)."""

from __future__ import annotations

from typing import Literal

from bot.records import ChangeKind

Action = Literal["make", "patch", "mark", "freeze", "nothing"]
"""make: quants of the new revision.  patch: small files of it into the quants that are there, weights as
they are. mark: a line and links on their cards.  freeze: nothing, until a person says so."""

ACTIONS: dict[ChangeKind, Action] = {
    "new": "make",
    "weights": "make",
    "tokenizer": "patch",
    "generation_config": "patch",
    "license": "freeze",
    "renamed": "mark",
    "gone": "mark",
    "card": "nothing",
    "other": "nothing",
}


def action_for(kind: ChangeKind, *, made: bool) -> Action:
    """The action for a change. `made`: the account has quants of this base; without any there is nothing to
    patch or mark, and a base whose terms changed before anything was made of it is simply new under its new
    terms."""
    action = ACTIONS[kind]
    if made or action in ("make", "nothing"):
        return action
    return "nothing" if kind in ("renamed", "gone") else "make"
