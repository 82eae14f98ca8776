"""`0.649 against q4-hi's 0.639`, `an average of 0.554`, `perplexity 12.869`, `8.3 GB`, `193 tokens/s`."""

from __future__ import annotations

from collections.abc import Iterator

from bot.card.board import Model
from bot.review.claims.claim import Claim, Work
from bot.review.claims.findings import Reading
from bot.review.claims.judge import fits
from bot.review.claims.metrics import BITS, KL, MEAN, PARAMETERS, PERPLEXITY, SIZE, SPEED, shown, title
from bot.review.claims.owner import model_beside, owner
from bot.review.claims.quantities import Quantity
from bot.review.claims.thresholds import NOMINAL
from bot.review.claims.told_as_difference import of_a_difference
from bot.review.claims.told_as_value import is_a_part, is_said, value_metrics

_SCALES = {"G": (2.0**-30, 1e-9), "M": (2.0**-20, 1e-6), "T": (2.0**-40, 1e-12), "B": (1e-9,)}


def find(work: Work) -> Iterator[Claim]:
    """Numbers that are the value of one model."""
    for index in list(work.free()):
        quantity = work.clause.tokens[index].quantity
        if quantity is None or work.of_an_error(index) or is_a_part(work, index):
            continue
        metrics = value_metrics(work, index, quantity)
        if metrics and metrics[0] in (PERPLEXITY, KL, SPEED) and of_a_difference(work, index):
            continue
        if metrics:
            beside = model_beside(work, index) is not None
            made = work.claim(index, index, _readings(work, index, quantity, metrics), sure=beside)
            if made is not None:
                yield made


def _readings(work: Work, index: int, quantity: Quantity, metrics: tuple[str, ...]) -> list[Reading]:
    bound = work.bound(index)
    whose = owner(work, index, quantity)
    if whose.stranger:
        return [Reading(holds=None, why="it speaks of a model that these facts do not have")]
    if _of_both(work, index):
        return [_shared(work, metric, quantity) for metric in metrics]
    found = [_value(work, model, metric, quantity, bound) for model in whose.meant for metric in metrics]
    if _left_unsaid(work, metrics) and not any(each.holds for each in found):
        return [Reading(holds=None, why=f"it may be a difference; {found[0].why}")] if found else []
    if metrics[0] in (SPEED, PERPLEXITY, KL, BITS) and not is_said(work, index):
        found = [each if each.holds else Reading(holds=None, why=each.why) for each in found]
    second = [_value(work, model, metric, quantity, bound) for model in whose.others for metric in metrics]
    return [*found, *(Reading(holds=None, why=each.why) for each in second if each.holds)]


def _left_unsaid(work: Work, metrics: tuple[str, ...]) -> bool:
    """`the penalty is 0.09 for A but 0.72 for B`: what B's number is of was said of A's."""
    tokens = work.clause.tokens
    borrowed = not any(token.kind("metric") or token.tasks or token.relation for token in tokens)
    return borrowed and bool(metrics) and any(token.relation is not None for token in work.clause.earlier)


def _of_both(work: Work, index: int) -> bool:
    """`70.2 % for both`, `tied at 0.702`."""
    before = work.clause.tokens[index - 1] if index else None
    if before is not None and before.relation is not None and before.relation.strength == "same":
        gap = work.clause.between(before, work.clause.tokens[index]).strip().lower()
        return gap in ("at", "with", "on")
    after = work.clause.tokens[index + 1] if index + 1 < len(work.clause.tokens) else None
    if after is None or not after.kind("group") or (after.word and after.word.value != "all"):
        return False
    return work.clause.between(work.clause.tokens[index], after).strip().lower() in (
        "for",
        "in",
        "with",
        "from",
        "by",
    )


def _shared(work: Work, metric: str, quantity: Quantity) -> Reading:
    factor = 100.0 if quantity.kind == "percent" else 1.0
    known = [(m, v) for m in work.scale.board.models if (v := work.scale.value(m, metric)) is not None]
    having = [model.label for model, value in known if fits(quantity, value, "", factor)]
    told = ", ".join(f"{model.label} {shown(metric, value)}" for model, value in known)
    return Reading(holds=len(having) >= 2 if len(known) > 1 else None, why=f"{title(metric)}: {told}")


def _value(work: Work, model: Model, metric: str, quantity: Quantity, bound: str) -> Reading:
    value = work.scale.value(model, metric)
    if value is None:
        others = any(work.scale.value(other, metric) is not None for other in work.scale.board.models)
        return Reading(
            holds=False if others and metric not in work.scale.tasks else None,
            why=f"no {title(metric)} of {model.label} is known",
        )
    told = f"{title(metric)} of {model.label} is {shown(metric, value)}"
    if metric in (SIZE, PARAMETERS):
        slack = NOMINAL if metric == PARAMETERS else 0.0
        right = any(
            fits(quantity, value * scale, bound) or abs(value * scale - quantity.low) <= slack * quantity.low
            for scale in _SCALES.get(quantity.letter, (1e-9,))
        )
    else:
        factor = (
            100.0
            if quantity.kind == "percent" or (quantity.low > 1 and metric in (*work.scale.tasks, MEAN))
            else 1.0
        )
        right = fits(quantity, value, bound, factor)
    fix = None if right or quantity.kind == "percent" else _fixed(metric, value, quantity)
    return Reading(holds=right, why=told, fix=fix)


def _fixed(metric: str, value: float, quantity: Quantity) -> str | None:
    if metric == SIZE:
        return f"{value / 2**30:.1f} GiB"
    if metric == SPEED:
        return f"{value:.{max(1, quantity.places)}f} tokens per second"
    if metric in (PARAMETERS, BITS):
        return None
    return f"{value:.{max(3, quantity.places)}f}"
