"""The fleet: several machines on one database; who lives, who takes which run, who goes on after a death.

`locks.py` says who lives, `placement.py` decides who takes what (pure), `dispatch.py` does it, `takeover.py`
goes on with what a dead executor left, `keeper.py` calls these every second. DBOS queues and executes.
"""
