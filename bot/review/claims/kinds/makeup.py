"""How a model is made: bits of head and data, group size, and that quantizing removes no parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.context import of
from bot.review.claims.findings import Reading
from bot.review.claims.metrics import PARAMETERS
from bot.review.claims.sides import sides

_PRECISION = re.compile(r"full[- ]precision", re.IGNORECASE)
_ON = re.compile(
    r"[\s-]*(?:precision|quantization|resolution)?[\s-]*(?:for|in|on|at|to)?[\s-]*(?:the|its|all|both)?[\s-]*"
)
_AT = re.compile(r"\b(?:at|in|to|is|are|uses?|with|gets?|stays?|remains?|kept|keeps?|has|have)\b|[:=]")
_FULL = 16


def find(work: Work) -> Iterator[Claim]:
    """Claims on bits, groups and parameters."""
    for made in (*_bits(work), *_groups(work), *_parameters(work)):
        if made is not None:
            yield made


def _bits(work: Work) -> Iterator[Claim | None]:
    tokens = work.clause.tokens
    for index in list(work.free()):
        token, bits = tokens[index], 0
        if token.quantity is not None and token.quantity.kind == "bits" and token.quantity.high is None:
            bits = int(token.quantity.low)
        elif token.is_model and _PRECISION.match(work.clause.text, token.start):
            bits = _FULL
        if bits and (parts := _parts(work, index, behind=bits != _FULL)):
            found = [_stored(work, model, parts, bits) for model in _models(work, index, bits)]
            yield work.claim(min(index, parts[0]), max(index, parts[-1]), [each for each in found if each])


def _parts(work: Work, index: int, *, behind: bool) -> list[int]:
    """The places of `head`, `data` and the like that the bits are of."""
    tokens = work.clause.tokens
    after = [index + 1] if index + 1 < len(tokens) and tokens[index + 1].kind("part") else []
    if after and _ON.fullmatch(work.clause.between(tokens[index], tokens[index + 1])):
        while after[-1] + 1 < len(tokens) and _and(work, after[-1]):
            after.append(after[-1] + 1)
        return after
    before = index - 1
    while before >= 0 and tokens[before].kind("link", "metric"):
        before -= 1
    if behind and before >= 0 and tokens[before].kind("part"):
        gap = work.clause.text[tokens[before].end : tokens[index].start]
        if len(gap.split()) <= 6 and _AT.search(gap) and not re.search(r"[;)]", gap):
            found = [before]
            while found[0] > 0 and _and(work, found[0] - 1):
                found.insert(0, found[0] - 1)
            return found
    return []


def _and(work: Work, index: int) -> bool:
    first, second = work.clause.tokens[index], work.clause.tokens[index + 1]
    gap = work.clause.between(first, second)
    return (
        first.kind("part")
        and second.kind("part")
        and re.fullmatch(r"\s*(?:,|and|/|&|, and)?\s*(?:the )?", gap) is not None
    )


def _models(work: Work, index: int, bits: int) -> tuple[Model, ...]:
    who = sides(work.scale, work.clause, work.context, index)
    said = who.said and not (bits == _FULL and all(model.role == "base" for model in who.subjects))
    if said or bits == _FULL:
        return who.subjects if said else (work.scale.board.subject,)
    near = (*who.subjects, *of(work.scale, work.context.subjects), work.scale.board.subject)
    return tuple({model.name: model for model in near}.values())


def _stored(work: Work, model: Model, parts: list[int], bits: int) -> Reading | None:
    widths = model.widths
    if widths is None or widths.head >= _FULL:
        return None
    kinds = {word.value for i in parts if (word := work.clause.tokens[i].word)}
    right = all((widths.head if kind == "head" else widths.data) == bits for kind in kinds if kind != "group")
    told = f"{model.label} has {widths.head} bits for head and attention and {widths.data} for the data"
    return Reading(holds=right, why=told)


def _groups(work: Work) -> Iterator[Claim | None]:
    """`group size 32`."""
    tokens = work.clause.tokens
    for index in list(work.free()):
        quantity = tokens[index].quantity
        near = tokens[index - 1] if index else None
        if near is not None and near.kind("link") and index > 1:
            near = tokens[index - 2]
        if quantity is None or quantity.kind != "plain" or quantity.places or near is None:
            continue
        if near.word is None or near.word.value != "group" or quantity.low not in (16, 32, 64, 128):
            continue
        found = []
        for model in _models(work, index, 0):
            widths = model.widths
            if widths is not None and widths.group_size:
                told = f"{model.label} has groups of {widths.group_size}"
                found.append(Reading(holds=widths.group_size == quantity.low, why=told))
        yield work.claim(index - 1, index, found)


def _parameters(work: Work) -> Iterator[Claim | None]:
    """`75 % fewer parameters than full precision`: quants of one base have the same number of them."""
    tokens = work.clause.tokens
    place = next((i for i in work.free() if (word := tokens[i].word) and word.value == PARAMETERS), None)
    if place is None:
        return
    near = work.nearest_relation(place, reach=3)
    relation = tokens[near].relation if near is not None else None
    if (
        relation is None
        or near is None
        or not relation.sign
        or "active" in work.clause.text[work.clause.start : work.clause.end].lower()
    ):
        return
    gap = work.clause.text[
        min(tokens[near].end, tokens[place].end) : max(tokens[near].start, tokens[place].start)
    ]
    if len(gap.split()) > 4 or "," in gap:
        return
    who = sides(work.scale, work.clause, work.context, near)
    mine = who.subjects[0]
    found = []
    rivals = who.rivals if who.named or who.unknown else ()
    for group in rivals:
        for other in group:
            seen = work.scale.gap(mine, other, PARAMETERS)
            right = None if seen.delta is None else seen.delta * relation.sign > 0
            found.append(Reading(holds=right, why=seen.told(mine, other)))
    same = "quantizing changes the bytes of a model, not its number of parameters"
    if not found and mine.role != "rival" and (not who.named or _is_base(work)):
        found = [Reading(holds=False, why=same)]
    numbers = [i for i in range(max(0, near - 2), place) if (q := tokens[i].quantity) and q.kind == "percent"]
    yield work.claim(min([near, place, *numbers]), max(near, place), found)


def _is_base(work: Work) -> bool:
    return any(
        t.is_model
        and re.match(
            r"full|bf16|fp16|f16|un|base|the (?:base|orig)", work.clause.text[t.start : t.end], re.IGNORECASE
        )
        for t in work.clause.tokens
    )
