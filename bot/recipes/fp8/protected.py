"""Which modules an FP8 release left as floats. Pure.

The dtypes in the safetensors headers (`stored.py`) decide; the lists in the configuration (`declared.py`)
are compared with them. Modules that differ in their layer only, or in their expert, are one role; what a
recipe has no use for is named with the reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from bot.errors import UnsuitableBase
from bot.recipes.fp8.declared import Declared, covered, declared, method
from bot.recipes.fp8.stored import FP8, Place, Weight, places, weights
from bot.records import Record
from bot.safetensors import Tensor

_PATH = re.compile(r"[A-Za-z0-9_.\-]+")
_SENSES = re.compile(
    r"(^|[._])(vision|visual|vit|vpm|image|audio|speech|resampler|connector|projector|mm)([._]|$)"
)
_DRAFT = re.compile(r"(^|\.)(mtp\w*|nextn|eagle|draft\w*|eh_proj|shared_head)(\.|$)")
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output|head)$")
_EMBEDDINGS = re.compile(r"(^|[._])(embed|embed_in|embed_tokens\w*|wte|wpe|(\w+_)?embeddings?)$")
_ROUTER = re.compile(r"(^|[._])(gate|router)(\.(wg|layer|proj|classifier))?$")
"""The pattern by which the recipes' own rule finds routers."""

_SEES = "sees or hears: stays as it is, or is left out"
_VECTORS = "norms and other vectors: no recipe quantizes them"
_DRAFTS = "predicts further tokens: mlx-lm leaves it out"
_PARTLY = "some experts of a layer only: mlx-lm stacks all of them in one tensor"


class Role(Record, frozen=True, kw_only=True):
    """Modules of one kind that were kept as floats. `tail` is the path behind the layer's number.

    `layers` None: in every layer that has such a module. Not `layered`: it stands outside the layers.
    """

    tail: str
    layers: tuple[int, ...] | None = None
    layered: bool = True
    modules: int = 1
    dtype: str = "BF16"


class Unruled(Record, frozen=True, kw_only=True):
    """Kept as floats, and no matter for a recipe's H: `reason` says why, `tails` which."""

    reason: str
    tails: tuple[str, ...]
    modules: int


class Protected(Record, frozen=True, kw_only=True):
    """What one FP8 release keeps as floats, and what was read to know it.

    `method` is what its configuration calls itself, `lists` where its lists stand (with their lengths),
    `stored` counts weights by dtype, `contradictions` are sentences about lists that the headers belie.
    """

    method: str
    lists: tuple[str, ...]
    stored: dict[str, int]
    roles: tuple[Role, ...]
    unruled: tuple[Unruled, ...] = ()
    contradictions: tuple[str, ...] = ()


def protected(
    config: Mapping[str, Any], hf_quant: Mapping[str, Any] | None, headers: Mapping[str, Tensor]
) -> Protected:
    """What the release with this config.json, hf_quant_config.json and these headers keeps as floats.

    No roles: it keeps nothing inside its layers that a recipe could protect. Raises UnsuitableBase, whose
    text goes on after the release's name, for one that is not FP8.
    """
    found = tuple(weights(headers))
    called = method(config, hf_quant)
    _refuse_other(found, called)
    n_layers = _n_layers(config)
    reasons = {weight.path: _reason(weight, n_layers) for weight in found}
    sought = places(weight for weight in found if reasons[weight.path] is None)
    aside = ((weight.tail, reason, 1) for weight in found if weight.kept and (reason := reasons[weight.path]))
    unruled = tuple(_unruled((*aside, *_partly(sought))))
    roles = tuple(_roles(sought))
    lists = declared(config, hf_quant)
    text = places(weight for weight in found if reasons[weight.path] not in (_SEES, _DRAFTS))
    return Protected(
        method=called or "no method named",
        lists=tuple(f"{each.where} ({each.entries} entries)" for each in lists),
        stored=dict(sorted(Counter(weight.tensor.dtype for weight in found).items())),
        roles=roles,
        unruled=unruled,
        contradictions=tuple(_contradictions(lists, text, {place.path for place in sought})),
    )


def _refuse_other(found: Iterable[Weight], called: str) -> None:
    dtypes = {weight.tensor.dtype for weight in found}
    if not dtypes:
        raise UnsuitableBase("has no weights in safetensors, and nothing else says what it keeps as floats")
    if not dtypes & set(FP8):
        name = f"calls itself {called[:80]!r}" if called else "names no quantization"
        raise UnsuitableBase(
            f"is no FP8 release: its configuration {name}, its weights are {', '.join(sorted(dtypes))}"
        )


def _n_layers(config: Mapping[str, Any]) -> int | None:
    """Layers of the model itself; what is numbered beyond them predicts further tokens."""
    parts = (config, *(config.get(key) for key in ("text_config", "llm_config", "language_config")))
    counts = (part.get("num_hidden_layers") for part in parts if isinstance(part, Mapping))
    return next((count for count in counts if type(count) is int), None)


def _reason(weight: Weight, n_layers: int | None) -> str | None:
    """Why this module is no matter for a recipe's H, or None."""
    shape, layer, tail = weight.tensor.shape, weight.layer, weight.tail
    beyond = layer is not None and n_layers is not None and layer >= n_layers
    tests: tuple[tuple[str, Callable[[], object]], ...] = (
        ("has a name that is no module path", lambda: not _PATH.fullmatch(weight.path)),
        (_SEES, lambda: _SENSES.search(weight.path)),
        (_DRAFTS, lambda: beyond or _DRAFT.search(weight.path)),
        (_VECTORS, lambda: len(shape) < 2),
        ("convolutions: no recipe quantizes them", lambda: len(shape) > 3 or shape[1:-1] == (1,)),
        ("the head: it has a rule of its own", lambda: layer is None and _HEAD.search(tail)),
        (
            "embeddings: most quantizers leave them alone, which says nothing",
            lambda: _EMBEDDINGS.search(tail),
        ),
        ("routers: they have a rule of their own", lambda: _ROUTER.search(tail)),
    )
    return next((reason for reason, holds in tests if holds()), None)


def _roles(sought: Iterable[Place]) -> Iterator[Role]:
    for tail, group in groupby(sought, lambda place: place.tail):
        alike = tuple(group)
        kept = tuple(place for place in alike if place.kept == place.modules)
        layers = tuple(place.layer for place in kept if place.layer is not None)
        if kept:
            yield Role(
                tail=tail,
                layers=layers if len(kept) < len(alike) else None,
                layered=bool(layers),
                modules=sum(place.modules for place in kept),
                dtype=kept[0].dtype,
            )


def _partly(sought: Iterable[Place]) -> Iterator[tuple[str, str, int]]:
    return ((place.tail, _PARTLY, place.kept) for place in sought if 0 < place.kept < place.modules)


def _unruled(found: Iterable[tuple[str, str, int]]) -> Iterator[Unruled]:
    """`found`: tail, reason, number of modules."""
    ordered = sorted(found, key=lambda each: (each[1], each[0]))
    for reason, group in groupby(ordered, lambda each: each[1]):
        alike = tuple(group)
        tails = tuple(dict.fromkeys(tail for tail, _, _ in alike))
        yield Unruled(reason=reason, tails=tails, modules=sum(count for _, _, count in alike))


def _contradictions(
    lists: tuple[Declared, ...], text: Iterable[Place], sought: Collection[str]
) -> Iterator[str]:
    """Sentences about the text model's places that lists and headers do not agree on."""
    if not lists:
        return
    by_path = {place.path: place for place in text}
    kept = covered([entry for each in lists for entry in each.kept], by_path)
    targets = [covered(each.targets, by_path) for each in lists if each.targets]
    aimed = frozenset(by_path) if not targets else frozenset().union(*(each.paths for each in targets))
    belied = [p for p in by_path.values() if not p.kept and p.path in kept.paths]
    unlisted = [
        p
        for p in by_path.values()
        if p.kept == p.modules and p.path in sought and p.path in aimed - kept.paths
    ]
    unread = [entry for each in (kept, *targets) for entry in each.unread]
    yield from _said(belied, "listed as left alone and yet quantized")
    yield from _said(unlisted, "in no list and yet kept as floats")
    if unread:
        yield f"{len(unread)} entries are no usable pattern: {some(unread)}"


def _said(found: list[Place], what: str) -> Iterator[str]:
    if found:
        count = "1 module is" if len(found) == 1 else f"{len(found)} modules are"
        dtypes = ", ".join(sorted({place.dtype for place in found}))
        yield f"{count} {what} ({dtypes}): {some(place.path for place in found)}"


def some(names: Iterable[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
