"""Patch: what changed upstream beside the weights goes into the quants that are there, in one commit each.

    Change -> Patch (which files, which repos) -> a commit a repo: the files, its manifest, its card

Weights, measurements and figures stay. A base that was renamed or is gone is a patch too: of the cards alone.
"""
