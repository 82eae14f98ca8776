"""Tune: a recipe that is measured instead of believed.

`blocks.py` says which modules share one width and what each width costs, `choose.py` picks widths,
`terms.py` keeps them to a budget (`budget.py`), `compose.py` and `words.py` make a recipe and its comments
of them, `steps.py` orders the measuring: all pure. `sensitivity.py` and `estimate.py` are child processes
with MLX over `forward.py` (what a changed model says), `fake.py` (the change) and `text.py`. This module
holds the records and imports nothing heavy.
"""

from __future__ import annotations

import math

from bot.records import Recipe, Record

SAMPLES, LENGTH, SEED = 8, 256, 123
"""Default amount of text for choosing (as much again is held out), and mlx_lm.perplexity's own seed."""


class TuneRequest(Record, frozen=True, kw_only=True):
    """Find the best widths for the base in `folder`, on the terms of the recipe `like`.

    `base` is its name and `identity` what tells it from others of that name; `name` that of the recipe to be
    made; `budget` as `bot.recipes.tune.budget` reads it. Widths are chosen on `samples` sequences of `length`
    tokens of the file `text` (None: of the perplexity dataset) and judged on as many others. `text_only`:
    what the base sees with is not counted in.
    """

    folder: str
    base: str
    identity: str
    like: Recipe
    name: str
    budget: str
    text: str | None = None
    samples: int = SAMPLES
    length: int = LENGTH
    seed: int = SEED
    text_only: bool = False


class Block(Record, frozen=True, kw_only=True):
    """Modules that get one width: `paths`. `name` has `*` for what numbers run over inside it.

    `pattern` finds these modules and those of the same kind in other layers, and no other that is tuned.
    `layer` and `runs_in` (the layer's own path) are None outside the layers. `bytes` by width.
    """

    name: str
    role: str
    pattern: str
    paths: tuple[str, ...]
    bytes: dict[int, int]
    layer: int | None = None
    runs_in: str | None = None


class Sensitivity(Record, frozen=True, kw_only=True):
    """One block's chosen width, and by width (as text, for JSON) what it loses when it alone is quantized.

    `kl`: mean KL from the base over all positions, nats a token; `typical`: over the positions that
    `choose.typical` counts, which is what widths are chosen by.
    """

    block: str
    bits: int
    kl: dict[str, float]
    typical: dict[str, float]


class Whole(Record, frozen=True, kw_only=True):
    """A whole recipe on this base.

    `kl`: mean KL from the base over the held-out text, nats a token; `of_samples`: each sample's.
    """

    name: str
    bytes: int
    bits_per_weight: float
    kl: float
    of_samples: tuple[float, ...]


class Text(Record, frozen=True, kw_only=True):
    """The calibration text: a file's name with its sha256, or a dataset with its revision."""

    source: str
    sha256: str | None = None
    revision: str | None = None
    samples: int
    length: int


class Tuned(Record, frozen=True, kw_only=True):
    """The recipe, the comments its file opens with, and what was measured; `verdict` says it in words.

    `comparable`: the recipe it is like fits the budget too. `better`: that one is over it or farther away.
    """

    recipe: Recipe
    comments: tuple[str, ...]
    verdict: str
    budget_bytes: int
    tuned: Whole
    like: Whole
    blocks: tuple[Sensitivity, ...]
    text: Text
    seed: int
    comparable: bool

    @property
    def better(self) -> bool:
        return not self.comparable or self.tuned.kl < self.like.kl


class Estimate(Record, frozen=True, kw_only=True):
    """What tuning would take: `passes` over `tokens` tokens each, seconds, bytes of memory."""

    blocks: int
    widths: int
    passes: int
    tokens: int
    seconds: float
    memory: int
    budget_bytes: int

    @property
    def duration(self) -> str:
        """The seconds in words."""
        return in_words(self.seconds)


def in_words(seconds: float) -> str:
    """`about 40 s`, `about 3 min`, `about 2.5 h`."""
    if seconds < 90:
        return f"about {math.ceil(seconds)} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
