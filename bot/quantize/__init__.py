"""Quantize: a verified base in, one finished model folder a recipe out.

`family.py` makes them in a child process (`python -m bot.quantize`), `write.py` writes shards and side
files, `model_config.py` says what config.json becomes, `finished.py` knows what is whole already,
`conformance.py` holds a folder against what it should be. This module holds the records and imports
nothing heavy.
"""

from __future__ import annotations

from bot.records import ModelFolder, Record, Snapshot


class QuantizeRequest(Record, frozen=True, kw_only=True):
    """Make each of `recipes` from `snapshot`, in the folder of `out` that `names` gives it."""

    snapshot: Snapshot
    recipes: tuple[str, ...]
    out: str
    names: tuple[str, ...]


class ModelFolders(Record, frozen=True, kw_only=True):
    """The finished quants, in the order asked."""

    items: tuple[ModelFolder, ...]
