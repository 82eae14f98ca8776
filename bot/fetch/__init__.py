"""Fetch: exactly one revision of a base on disk, only the files needed, every byte checked.

`select.py` says which files, `verify.py` holds them against what the Hub said, `bring.py` does the
bringing in a child process (`python -m bot.fetch`). This module holds the request and imports nothing heavy.
"""

from __future__ import annotations

from bot.records import BaseRevision, Record


class FetchRequest(Record, frozen=True, kw_only=True):
    """Bring `base` (at its commit id) into the cache `folder` from the Hub at `endpoint`."""

    base: BaseRevision
    folder: str
    endpoint: str
