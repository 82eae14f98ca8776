"""qx-bot: watch, plan, fetch, quantize, measure, review, card, publish.

`flow.py` is the whole story on one page; each stage is a folder of that name;
`records.py` holds what flows between them.
"""

__version__ = "0.1.0"
