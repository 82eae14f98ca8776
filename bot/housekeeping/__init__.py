"""What grows while the bot runs for months, and the rules that bound it. Once a night.

    rules     which runs, folders and measurements may go: pure
    runs      finished runs in DBOS's tables, and their folders
    files     logs of children, progress of runs that are over, measurements, leftovers
    tables    the journal's
    nightly   all of it, one call

Never touched: what has not ended, what `retry` could still want within its days, the newest run of each base,
what waits for a person, and work folders (a publish that failed goes on from there; freeing them is the plan
stage's, which knows what they are for).
"""
