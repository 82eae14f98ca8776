"""Child process: what a model holds beside its weights while it runs, asked of mlx-lm's own code.

No weight is read and nothing is computed: MLX infers shapes lazily. The model is called once on a few
tokens, so that its caches and attention calls tell heads, widths and types, whatever the architecture;
then mlx-lm's cache objects alone are fed the whole context, in the chunks of `mlx_lm.generate`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.cache import ArraysCache, make_prompt_cache

from bot.child import Progress, Report, serve
from bot.errors import UsageError
from bot.recipes import architecture
from bot.recipes.mac.memory import Demand, DemandRequest, Demands, chunks

PROBE = 16
"""Tokens of the lazy call. More than one: some architectures have a path of their own for one."""

MOST_TOKENS = 1 << 24
"""The longest context that is reckoned with; none that is announced comes near."""

FUSED = (64, 80, 128)
"""Head widths for which every MLX 0.32 reads a prompt without writing the scores to memory.

mlx/backend/metal/scaled_dot_product_attention.cpp, `use_fallback`: widths of queries and values must be
equal; 192 and 256 have a kernel that is not taken (256 on an M5 is), others came later.
"""


def demands(request: DemandRequest, report: Report) -> Demands:
    """One demand a float type. Raises UnsuitableBase (config), UsageError (a context that no model has)."""
    if not 1 <= request.tokens <= MOST_TOKENS:
        raise UsageError(f"a context of {request.tokens} tokens: write between 1 and {MOST_TOKENS}")
    config = architecture.read_config(request.config, request.base)
    items = []
    for done, dtype in enumerate(request.dtypes):
        report(Progress(stage="fit", what=dtype, done=done, total=len(request.dtypes), unit="float types"))
        model = architecture.build(config, request.base)
        architecture.cast(model, dtype)
        with architecture.refusing(request.base):
            items.append(demand(model, request.tokens))
    return Demands(items=tuple(items))


def demand(model: nn.Module, tokens: int) -> Demand:
    """What `model` takes beside its weights to read a prompt of `tokens` tokens. Its weights stay lazy."""
    model.eval()  # in training mode some architectures compute
    observed = _observe(model)
    kinds = collections.Counter(leaf.kind for leaf in observed.leaves)
    samples = {leaf.kind: number for number, leaf in enumerate(observed.leaves)}
    fresh = _leaves(make_prompt_cache(model))
    cache, attention = [0] * len(chunks(tokens)), 0
    for kind, count in kinds.items():
        leaf = observed.leaves[samples[kind]]
        held, rows = _replay(fresh[samples[kind]], leaf, tokens)
        cache = [total + count * size for total, size in zip(cache, held, strict=True)]
        calls = [c for c in observed.calls if observed.leaves[c.leaf].kind == kind]
        attention = max([attention, *(_largest(call, rows, tokens) for call in calls)])
    return Demand(cache=max(cache), attention=attention, notes=_notes(model, observed))


def _notes(model: nn.Module, observed: _Observed) -> tuple[str, ...]:
    """What is not counted."""
    names = sorted({leaf.name for leaf in observed.leaves if leaf.unknown})
    said = [f"how its {name} grows is not known: counted as after {PROBE} tokens" for name in names]
    if "ssm_update" in vars(sys.modules[type(model).__module__]):
        said.append("its Mamba layers can take some GB more while a prompt is read (ml-explore/mlx-lm#525)")
    return tuple(said)


# ------------------------------------------------------------------ the lazy call

_Shape = tuple[tuple[int, ...], mx.Dtype]


@dataclasses.dataclass
class _Leaf:
    """One cache object after the lazy call: its kind, what was written to it, what it holds."""

    name: str
    settings: str
    nbytes: int = 0
    unknown: bool = False
    writes: list[tuple[_Shape, ...]] = dataclasses.field(default_factory=list)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Equal for cache objects that will hold the same."""
        writes = tuple(str(write) for write in self.writes)
        return (self.name, self.settings, writes, self.nbytes)


@dataclasses.dataclass
class _Call:
    """One attention call: bytes a row of its keys and values, and a pair of query and key."""

    leaf: int
    row: float
    pair: float


@dataclasses.dataclass
class _Observed:
    leaves: list[_Leaf] = dataclasses.field(default_factory=list)
    calls: list[_Call] = dataclasses.field(default_factory=list)
    last: int | None = None


def _leaves(caches: Any) -> list[Any]:
    """The cache objects, those inside a CacheList one by one."""
    flat: list[Any] = []
    for cache in caches:
        nested = getattr(cache, "caches", None)
        flat += [cache] if nested is None else _leaves(nested)
    return flat


def _observe(model: nn.Module) -> _Observed:
    caches = make_prompt_cache(model)
    objects, observed = _leaves(caches), _Observed()
    for number, cache in enumerate(objects):
        observed.leaves.append(_Leaf(name=type(cache).__name__, settings=_settings(cache)))
        if hasattr(cache, "update_and_fetch"):
            cache.update_and_fetch = _recording(cache.update_and_fetch, observed, number)
    with _watching(observed):
        model(mx.zeros((1, PROBE), mx.int32), cache=caches)
    for leaf, cache in zip(observed.leaves, objects, strict=True):
        if not leaf.writes and cache is not None:
            leaf.nbytes = sum(_arrays(vars(cache)))
            leaf.unknown = leaf.nbytes > 0 and not isinstance(cache, ArraysCache)
    return observed


def _settings(cache: Any) -> str:
    """The numbers a fresh cache was made with (`max_size`, `keep`, …)."""
    made = vars(cache) if cache is not None else {}
    return str({key: value for key, value in made.items() if isinstance(value, (int, type(None)))})


def _arrays(value: Any) -> list[int]:
    """Bytes of every array in nested containers."""
    if isinstance(value, mx.array):
        return [value.nbytes]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [size for item in inner for size in _arrays(item)]


def _recording(write: Callable[..., Any], observed: _Observed, number: int) -> Callable[..., Any]:
    def recording(keys: mx.array, values: mx.array) -> Any:
        observed.leaves[number].writes.append(((keys.shape, keys.dtype), (values.shape, values.dtype)))
        observed.last = number
        return write(keys, values)

    return recording


def _mask_bytes(mask: Any) -> int:
    """A bias with an entry a head (MLA's rotary scores) is there twice: as computed, and masked."""
    if not isinstance(mask, mx.array):
        return 0
    return int(mask.nbytes) * (2 if mask.ndim > 3 and mask.shape[-3] > 1 else 1)


@contextlib.contextmanager
def _watching(observed: _Observed) -> Iterator[None]:
    """Note every attention call: MLX's own, and a softmax over scores that a model computes itself."""
    attend, softmax = mx.fast.scaled_dot_product_attention, mx.softmax

    def note(row: int, pair: int, queries: int, keys: int) -> None:
        if observed.last is not None and queries == PROBE:
            observed.calls.append(_Call(observed.last, row / keys, pair / (queries * keys)))

    def attending(q: mx.array, k: mx.array, v: mx.array, **options: Any) -> mx.array:
        pair = _mask_bytes(options.get("mask"))
        if q.shape[-1] != v.shape[-1] or q.shape[-1] not in FUSED:
            pair += q.shape[0] * q.shape[1] * q.shape[2] * k.shape[2] * q.itemsize
        note(k.nbytes + v.nbytes, pair, q.shape[2], k.shape[2])
        return attend(q, k, v, **options)

    def softening(scores: mx.array, *arguments: Any, **options: Any) -> mx.array:
        if scores.ndim > 3:
            note(0, scores.nbytes, scores.shape[-2], scores.shape[-1])
        return softmax(scores, *arguments, **options)

    mx.fast.scaled_dot_product_attention, mx.softmax = attending, softening
    try:
        yield
    finally:
        mx.fast.scaled_dot_product_attention, mx.softmax = attend, softmax


# ------------------------------------------------------------------ the whole context


def _replay(cache: Any, leaf: _Leaf, tokens: int) -> tuple[list[int], list[int]]:
    """Bytes the cache object holds after each chunk of the prompt, and the rows that attention reads then."""
    held, rows = [], []
    for chunk in chunks(tokens):
        seen = 0
        if hasattr(cache, "maybe_trim_front"):
            cache.maybe_trim_front()
        for write in leaf.writes:
            keys, _ = cache.update_and_fetch(*(_zeros(shape, chunk) for shape in write))
            seen = max(seen, keys.shape[-2])
        held.append(cache.nbytes if leaf.writes else leaf.nbytes)
        rows.append(seen)
    return held, rows


def _zeros(shape: _Shape, tokens: int) -> mx.array:
    (*outer, _, width), dtype = shape
    return mx.zeros((*outer, tokens, width), dtype)


def _largest(call: _Call, rows: list[int], tokens: int) -> int:
    sizes = (seen * (call.row + chunk * call.pair) for chunk, seen in zip(chunks(tokens), rows, strict=True))
    return int(max(sizes))


if __name__ == "__main__":
    serve(demands, DemandRequest)
