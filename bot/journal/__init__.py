"""Journal: what the bot remembers beside its runs, in the same database: repos looked at, plans that wait,
what the account has published, what happened, what was told to whom.

Runs are DBOS's; what was published says so itself on the Hub. The journal holds the rest, and can be made
again from both, but for the decisions that are still open.
"""
