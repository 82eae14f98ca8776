"""Quantize: a verified base in, one finished model folder a recipe out.

`family.py` makes them in one pass, in a child process (`python -m bot.quantize`): `source.py` reads,
`pack.py` packs, `shards.py` writes, `carry.py` and `model_config.py` bring the other files; `finished.py`
knows what is whole already, `conformance.py` holds a folder against what it should be. This module holds
the records and imports nothing heavy.
"""

from __future__ import annotations

from bot.records import ModelFolder, Recipe, Record, Snapshot
from bot.safetensors import LARGEST_SHARD


class QuantizeRequest(Record, frozen=True, kw_only=True):
    """Make each of `recipes` from `snapshot`, in the folder of `out` that `names` gives it.

    A file of weights holds at most `largest_shard` bytes of tensors, unless one tensor is larger.
    `text_only`: leave out what the base sees with, where it would be kept.
    """

    snapshot: Snapshot
    recipes: tuple[Recipe, ...]
    out: str
    names: tuple[str, ...]
    largest_shard: int = LARGEST_SHARD
    text_only: bool = False


class ModelFolders(Record, frozen=True, kw_only=True):
    """The finished quants, in the order asked."""

    items: tuple[ModelFolder, ...]
