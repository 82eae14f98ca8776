"""Recipes: which tensor is stored with how many bits, as data; and what that will weigh.

`recipe.py` decides, `names.py` reads names and rule files, `architecture.py` knows mlx-lm's models,
`apply.py` lays a recipe on a model, `predict.py` is the child that says sizes before any download.
This module holds the records that cross the process boundary and imports nothing heavy.
"""

from __future__ import annotations

import msgspec

from bot.records import Record
from bot.safetensors import Tensor


class PredictRequest(Record, frozen=True, kw_only=True):
    """What is known of a base before it is downloaded.

    `config` is the text of its config.json, `base` its name for messages. `tensors` are the entries of
    all its safetensors headers, when they were read (range requests): then the prediction goes through
    mlx-lm's own loading and is exact. Without them `dtype` (`bfloat16`, …) says how the source is
    stored; empty, the config's own word is taken.
    """

    base: str
    config: str
    recipes: tuple[str, ...]
    dtype: str = ""
    tensors: dict[str, Tensor] = msgspec.field(default_factory=dict)


class Prediction(Record, frozen=True, kw_only=True):
    """What one recipe gives: `bytes` of all safetensors files together, parameters, bits per weight."""

    recipe: str
    recipe_hash: str
    bytes: int
    bits_per_weight: float
    parameters: int
    notes: tuple[str, ...] = ()


class Predictions(Record, frozen=True, kw_only=True):
    """One prediction a recipe, in the order asked. `text_only`: the base sees or hears, its quants do not."""

    items: tuple[Prediction, ...]
    text_only: bool = False
