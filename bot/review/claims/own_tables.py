"""The facts that a card states in its own tables and lists, so that its text can be held against them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.card.facts import Facts, HubPage, ReportedPerplexity, ReportedQuant
from bot.review.claims.blocks import Block, blocks
from bot.review.claims.own_names import NAME, OwnNames, is_name, recipe_in
from bot.review.claims.own_scores import accuracy, gathered, task_of
from bot.review.claims.plain import Plain

_CARD = re.compile(r"(?<![\w/.-])[\w.]+(?:-[\w.]+)+-mlx\b")
_CONVERTED = re.compile(r"converted to MLX format from\s+\[?([\w.-]+/[\w.-]+)")
_BASE = re.compile(r"^base_model:\s*(?:-\s*)?([\w.-]+/[\w.-]+)", re.MULTILINE)
_LISTED = re.compile(r"[ \t>]*[-\u2022+][ \t]+([\w /-]{2,30}):\s*(\d?\.\d{2,6}|\d{1,2}\.\d{1,2}\s?%)")
_PERPLEXITY = re.compile(
    r"perplexity\s*(?:is|of|[:=])\s*(\d{1,4}\.\d{1,5})(?:\s*\u00b1\s*(\d?\.\d{1,5}))?", re.IGNORECASE
)
_PARAMETERS = re.compile(r"Model size\s+(\d{1,5}(?:\.\d{1,3})?[BM])\b")
_FULL = re.compile(
    r"(?:full(?:[ -]precision)?|bf16|fp16|unquantized)\s*+\(?\s*+(?:at|of|:)?\s*+(\d?\.\d{2,6})",
    re.IGNORECASE,
)
Scores = dict[str, dict[str, float | bool | None]]
MODELS = 100
"""Models of one card whose numbers are kept; a large family with its rivals has some twenty."""
NAMED = 200
"""Characters of a model's name; more is none."""
HEADED = 20
"""Names of one heading that are read."""


def facts_of(text: str, name: str = "") -> Facts:
    """The facts in a card's own tables. `name` is that of the repo, where the card does not say it. Pure."""
    plain = Plain(text).text
    named = _CARD.search(plain)
    card = name or (named[0] if named else "") or "this-model"
    names = OwnNames(plain, card)
    scores: Scores = {}
    quants: dict[str, ReportedQuant] = {}
    derived: Scores = {}
    heading: Sequence[str] = ()
    for block in blocks(plain):
        if block.table is not None:
            found = gathered(block.table, names, heading)
            _keep(scores, found.scores)
            _keep(derived, found.derived)
            quants |= {quant.quant: quant for quant in found.quants if quant.quant not in quants}
        elif block.kind == "label" and (headed := _names_in(plain, block)):
            heading = headed
        elif listed := _LISTED.match(plain, block.start, block.end):
            _keep(scores, _from_list(listed, heading, names))
            _keep(scores, _of_base(listed, plain[listed.end() : block.end]))
    for model, tasks in derived.items():
        if model not in scores and len(scores) < MODELS:
            scores[model] = {**tasks, "derived": True}
    return _facts(plain, card, names, scores, quants)


def _facts(plain: str, card: str, names: OwnNames, scores: Scores, quants: dict[str, ReportedQuant]) -> Facts:
    converted, base = _CONVERTED.search(plain), _BASE.search(plain)
    parameters, perplexity = _PARAMETERS.search(plain), _PERPLEXITY.search(plain)
    subject = names.subject if names.subject in scores or names.subject in quants else None
    if subject is None and (scores or quants):
        subject = next(iter(scores or quants))
    told = None
    if perplexity:
        told = ReportedPerplexity(
            value=float(perplexity[1]), stderr=float(perplexity[2]) if perplexity[2] else None
        )
    return Facts(
        card=card,
        base_model=converted[1].rstrip(".") if converted else base[1] if base else card.removesuffix("-mlx"),
        recipe=recipe_in(card) or subject or card,
        subject=subject,
        scores=scores,
        quants=tuple(quants.values())[:MODELS],
        perplexity=told if subject not in quants else None,
        hub=HubPage(model_size=parameters[1]) if parameters else None,
    )


def _keep(scores: Scores, found: tuple[tuple[str, str, float], ...]) -> None:
    """What was said first stands; a later contradiction will be found by the check."""
    for model, task, value in found:
        if model in scores or (len(scores) < MODELS and len(model) <= NAMED):
            scores.setdefault(model, {}).setdefault(task, value)


def _names_in(plain: str, block: Block) -> Sequence[str]:
    """The names in a heading; none where none of them is a model's."""
    found = NAME.findall(plain, block.start, block.end)[:HEADED]
    return found if any(map(is_name, found)) else ()


def _from_list(
    listed: re.Match[str], heading: Sequence[str], names: OwnNames
) -> tuple[tuple[str, str, float], ...]:
    task = task_of(listed[1])
    long = [name for name in heading if is_name(name)]
    value = accuracy(listed[2])
    if task is None or value is None or len(long) != 1:
        return ()
    return ((names.of(long[0]), task, value),)


def _of_base(listed: re.Match[str], rest: str) -> tuple[tuple[str, str, float], ...]:
    """`ARC-C: 0.393, a drop from full precision (0.421)`: a score of the unquantized base."""
    task, found = task_of(listed[1]), _FULL.search(rest)
    value = accuracy(found[1]) if found else None
    return (("full-precision", task, value),) if task and value is not None else ()
