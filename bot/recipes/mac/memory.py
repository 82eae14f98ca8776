"""What a Mac gives its GPU, and what a model takes beside its weights. Pure: no MLX.

`kv_cache.py` is the child process that measures a `Demand`; `fit.py` says which recipes run.
"""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from bot.records import Record
from bot.watch.quantities import Size

GIB = 1 << 30
SMALLEST, LARGEST = 4 * GIB, 2048 * GIB
"""Bytes of memory that a Mac with Apple silicon could have."""

TABLE = Path(__file__).parent / "working_sets.yaml"

FILL = 0.9
"""Share of the working set that weights may take: mlx-lm warns above it (`mlx_lm.generate.wired_limit`)."""

RESERVE = 2 * GIB
"""Bytes for all else that a model puts on the GPU while it reads a prompt: see `headroom`."""


class Memory(Size):
    """A Mac's memory in bytes, written as Apple prints it, 64GB. Its GB are GiB: 64GB is 64 * 2**30."""

    @classmethod
    def parse(cls, text: str) -> Memory:
        """Raises ValueError for anything that is no size, or none that a Mac has."""
        size = Size.parse(re.sub(r"(?<=[KMGT])B$", "iB", text))
        if not SMALLEST <= size <= LARGEST:
            raise ValueError(f"{text[:60]!r} is no Mac's memory; write its size as Apple prints it: 64GB")
        return cls(size)


# ------------------------------------------------------------------ what Metal gives


class Row(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One memory size of the table. `memory` in GB as Apple prints it; bytes of its working set on
    macOS 26 and later (`bytes`) and before (`before_26`), each with where it was reported; the second
    may say `rule` instead."""

    memory: int
    bytes: int
    source: str
    before_26: int
    before_26_source: str


class Share(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to `below` GB of memory (not included; None: any), this share of it is the working set."""

    below: int | None = None
    share: float


class WorkingSets(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shipped table, ascending, and the rule by which sizes that nobody reported are filled in."""

    kept_back: int
    shares: tuple[Share, ...]
    rows: tuple[Row, ...]
    raise_it: str
    raise_it_source: str


class WorkingSet(Record, frozen=True, kw_only=True):
    """What one Mac's GPU may hold: Metal's working set, in bytes, with where that is known from.

    `how`: `reported` by an owner of such a Mac, or by the `rule` that the reports follow. `before_26`
    is what macOS before 26 gives, where that is known.
    """

    memory: int
    bytes: int
    how: Literal["reported", "rule"]
    source: str
    before_26: int | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figure should know."""
        said = []
        if self.how == "rule":
            said.append(f"the working set of a {self.memory / GIB:g} GB Mac is {self.source}")
        if self.before_26 is not None and self.before_26 < self.bytes:
            said.append(f"macOS before 26 gives {self.before_26 / GIB:.1f} GiB")
        return tuple(said)


@functools.cache
def table() -> WorkingSets:
    """The shipped table of working sets."""
    return msgspec.convert(yaml.safe_load(TABLE.read_text("utf-8")), WorkingSets)


def working_set(memory: int) -> WorkingSet:
    """Metal's working set of a Mac with `memory` bytes, and macOS's default limit.

    A size that is not in the table gets the rule's share, kept between what the next smaller and the
    next larger size give, so that more memory never gives less.
    """
    known = table()
    for row in known.rows:
        if row.memory * GIB == memory:
            return WorkingSet(
                memory=memory, bytes=row.bytes, how="reported", source=row.source, before_26=row.before_26
            )
    smaller = [row.bytes for row in known.rows if row.memory * GIB < memory]
    larger = [row.bytes for row in known.rows if row.memory * GIB > memory]
    size = min([max([_by_rule(memory), *smaller]), *larger])
    return WorkingSet(memory=memory, bytes=size, how="rule", source=_rule_in_words(memory))


def _share(memory: int) -> float:
    shares = table().shares
    return next(s.share for s in shares if s.below is None or memory < s.below * GIB)


def _by_rule(memory: int) -> int:
    return max(int(memory * _share(memory)), memory - table().kept_back * GIB)


def _rule_in_words(memory: int) -> str:
    share = f"{_share(memory):.0%} of its memory"
    if _by_rule(memory) > memory * _share(memory):
        share = f"all but {table().kept_back} GB"
    return f"reckoned as {share}, as on Macs of other sizes: nobody reported one"


# ------------------------------------------------------------------ what a model takes


class DemandRequest(Record, frozen=True, kw_only=True):
    """Measure what the base whose config.json says `config` takes beside its weights for `tokens` tokens.

    `dtypes`: the float types (BF16, F16, F32) that its quants may have, one demand each.
    """

    base: str
    config: str
    tokens: int
    dtypes: tuple[str, ...]


class Demand(Record, frozen=True, kw_only=True):
    """Bytes beside the weights: of the caches when they are largest, and of the largest attention call.

    `attention`: scores, mask, keys and values of one layer while one chunk of the prompt is read.
    """

    cache: int
    attention: int = 0
    notes: tuple[str, ...] = ()


class Demands(Record, frozen=True, kw_only=True):
    """One demand a float type, in the order asked."""

    items: tuple[Demand, ...]


def headroom(demand: Demand) -> int:
    """Bytes to keep free beside weights and caches: `demand.attention` + RESERVE.

    Held against peaks that owners of Macs published, weights + cache + attention leave 0.4 to 1.6 GB
    unexplained, whatever the context: activations of a 2048-token chunk in the command buffers that MLX
    keeps in flight. Qwen3.6-35B-A3B at 8 000 to 192 000 tokens and two widths (ml-explore/mlx-lm#1480),
    DeepSeek-V3 at 4 096 to 16 384 (mlx-lm#839), Mistral 7B at 33 898 (mlx-lm#40), Qwen3-4B at 2 176
    (mlx-lm#1569). RESERVE rounds that up to 2 GiB, the margin below the working set that antirez/ds4#909
    takes too. No logits: mlx-lm computes them for the last token of a prompt only.
    """
    return demand.attention + RESERVE


def raising(needed: int) -> str:
    """The command that makes macOS allow a working set of `needed` bytes, until the next restart."""
    return table().raise_it.format(mib=-(-needed >> 20))


def chunks(tokens: int, step: int = 2048) -> tuple[int, ...]:
    """How `mlx_lm.generate` feeds a prompt of that many tokens: steps of at most `step`, the last alone.

    mlx_lm/generate.py, `generate_step`, `prefill_step_size`.
    """
    whole, rest = divmod(max(tokens - 1, 0), step)
    return (*itertools.repeat(step, whole), *([rest] if rest else []), 1)
