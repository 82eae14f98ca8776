"""Adopt: what stands on the account, whoever made it.

    read       one repo of the account -> what can be known of it without its weights (`Adopted`)
    account    one listing, then the repos that changed -> the journal
    siblings   adopted quants of a base, for the cards of those that were made here
    reread     the nightly look at what was published -> `Trouble`s with a proposed repair
    recall     which quants a bad version, recipe or template is behind -> banner, then made again

Nothing here ever writes to a repo that the bot did not make.
"""
