"""Patch: what changed upstream beside the weights goes into the quants that are there, in one commit each.

    Change -> Patch (which files, which repos) -> a commit a repo: the files, its manifest, its card

Weights and measurements stay. A base that was renamed or is gone is a patch too: of the cards alone.

`plan.py` looks and `decide.py` decides which files go where; `small.py` brings them to disk and `tokens.py`
tries them, in a child process; `card.py` says on the card what changed; `apply.py` makes the commit of one
repo; `start.py` puts the whole into the queue, whose workflow is `bot.flow.patch`.
"""
