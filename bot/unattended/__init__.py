"""Unattended: what the daemon does at its hours, each a function over the same desk.

    propose.py   a change -> an action -> a proposal -> a verdict, kept in the journal
    start.py     approved proposals that fit now -> runs
    ended.py     runs that ended -> what is told of them
    trouble.py   what is wrong for as long as it is, told once at its beginning and once at its end

`bot.daemon` says when.
"""
