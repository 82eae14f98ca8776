"""Which recipes run on a Mac, best first. Pure: sizes, demands and the working set come from elsewhere."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from bot.errors import UnsuitableBase
from bot.recipes import Prediction
from bot.recipes.layout import FLOATS, Inventory, float_type, prediction
from bot.recipes.mac.memory import FILL, Demand, Demands, headroom
from bot.records import Recipe, Record

RECIPES = (
    "bf16", "q8-hi", "q8", "qx86-hi", "q6-hi", "qx65-hi", "qx64-hi", "qx54-hi", "mxfp4", "q4-hi", "q4",
    "qx53-hi", "qx43-hi", "q3-hi", "qx42-hi", "q2-hi",
)  # fmt: skip
"""What is tried when no recipe is named: the kinds that are published, from wide to narrow."""


class Candidate(Record, frozen=True, kw_only=True):
    """A recipe on one base: what it weighs, and what it takes beside its weights."""

    prediction: Prediction
    demand: Demand


class Fit(Record, frozen=True, kw_only=True):
    """How one recipe stands to a working set; sizes in bytes.

    `needed` is the working set it asks for: weights, caches and headroom together, and at least so much
    that the weights are FILL of it. `spare` is what is left, below zero what is missing.
    """

    recipe: str
    bytes: int
    bits_per_weight: float
    cache: int
    headroom: int
    needed: int
    spare: int
    fits: bool
    notes: tuple[str, ...] = ()


def activation_type(recipe: Recipe, inventory: Inventory) -> str:
    """safetensors' name of the float type in which a quant computes and fills its caches.

    What its floats are cast to; else what the source stores first (embeddings). A base of float32 whose
    embeddings become mxfp4 may hold less: those are unpacked to bfloat16.
    """
    stored = (tensor.dtype for part in inventory.parts for tensor in part.tensors.values())
    return float_type(recipe, inventory) or next((t for t in stored if t in FLOATS.values()), "BF16")


def activation_types(recipes: Sequence[Recipe], inventory: Inventory) -> tuple[str, ...]:
    """The types to measure a demand for, each once: `DemandRequest.dtypes`."""
    return tuple(dict.fromkeys(activation_type(recipe, inventory) for recipe in recipes))


def candidates(recipes: Sequence[Recipe], inventory: Inventory, demands: Demands) -> tuple[Candidate, ...]:
    """Every recipe that this base can have, with `demands` as measured for `activation_types`.

    Raises UnsuitableBase where it can have none of them.
    """
    by_type = dict(zip(activation_types(recipes, inventory), demands.items, strict=True))
    found, refused = [], []
    for recipe in recipes:
        try:
            weighed = prediction(recipe, inventory)
        except UnsuitableBase as error:
            refused.append(error)
            continue
        found.append(Candidate(prediction=weighed, demand=by_type[activation_type(recipe, inventory)]))
    if refused and not found:
        raise refused[0]
    return tuple(found)


def fitting(candidates: Sequence[Candidate], *, working_set: int) -> tuple[Fit, ...]:
    """How each candidate stands to `working_set` bytes: those that fit, best first, then the others.

    Best means most bits per weight; then most bytes; then the name. That is an order of size, not of
    quality, which nobody measured: a qx recipe and a plain one of the same size stand side by side.
    Those that do not fit come nearest first.
    """
    fits = [_fit(candidate, working_set) for candidate in candidates]
    return tuple(sorted(fits, key=_order))


def _fit(candidate: Candidate, working_set: int) -> Fit:
    weighed, demand = candidate.prediction, candidate.demand
    needed = max(weighed.bytes + demand.cache + headroom(demand), math.ceil(weighed.bytes / FILL))
    return Fit(
        recipe=weighed.recipe.name,
        bytes=weighed.bytes,
        bits_per_weight=weighed.bits_per_weight,
        cache=demand.cache,
        headroom=headroom(demand),
        needed=needed,
        spare=working_set - needed,
        fits=needed <= working_set,
        notes=(*weighed.notes, *demand.notes),
    )


def _order(fit: Fit) -> tuple[bool, float, int, str]:
    if not fit.fits:
        return (True, -fit.spare, -fit.bytes, fit.recipe)
    return (False, -fit.bits_per_weight, -fit.bytes, fit.recipe)


def paste(base: str, fits: Sequence[Fit]) -> str | None:
    """The line that makes the best one that fits, or None where none does. `base`: a repo, or a folder."""
    best = next((fit for fit in fits if fit.fits), None)
    if best is None:
        return None
    if Path(base).expanduser().is_dir():
        return f"bot quantize {shlex.quote(base)} --recipe {best.recipe} --out ."
    return f"bot publish {base} --recipe {best.recipe}"
