"""Recipes: which tensor is stored with how many bits, as data; and what that will weigh.

`recipe.py` decides, `names.py` knows the built-in recipes, `files.py` reads people's own (`own.py`: what may
stand in them), `book.py` finds both by name, `architecture.py` knows mlx-lm's models,
`inventory.py` reads off them what a base holds, `layout.py` lays a recipe on that and says what it weighs,
`headers.py` reads what is needed for it before any download.
Only `architecture.py` and `inventory.py` import MLX, and only a child process imports them.
"""

from __future__ import annotations

import msgspec

from bot.records import Recipe, Record
from bot.safetensors import Tensor

SENSES = ("vision_config", "audio_config", "vision_tower", "image_processor")
"""Keys of a config.json whose base sees or hears."""


class InventoryRequest(Record, frozen=True, kw_only=True):
    """What is known of a base before it is downloaded.

    `config` is the text of its config.json, `base` its name for messages. `tensors` are the entries of
    all its safetensors headers, when they were read (range requests): then mlx-lm's own loading names and
    shapes them, and the inventory is exact. Without them `dtype` (`bfloat16`, …) says how the source is
    stored; empty, the config's own word is taken. `text_only`: leave out what the base sees with.
    """

    base: str
    config: str
    dtype: str = ""
    tensors: dict[str, Tensor] = msgspec.field(default_factory=dict)
    text_only: bool = False


class Prediction(Record, frozen=True, kw_only=True):
    """What one recipe gives: `bytes` of all safetensors files together, parameters, bits per weight."""

    recipe: Recipe
    bytes: int
    bits_per_weight: float
    parameters: int
    notes: tuple[str, ...] = ()
