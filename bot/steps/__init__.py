"""The steps of the flow: what DBOS records once and repeats after a crash. Each can be done twice.

`make.py` for a family; `card.py`, `release.py` and `gate.py` for one quant; `job.py` is what they share: the
records of a run and its edge (children, the turn on the GPU, the Hub).
"""
