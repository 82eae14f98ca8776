"""`0.649 against q4-hi's 0.639`, `an average of 0.554`, `perplexity 12.869`, `8.3 GB`, `193 tokens/s`."""

from __future__ import annotations

import re
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

# Words that announce a size: `needs 5 GB`, `is only 5 GB`. A Mac with 16 GB is none of the model's own.
_SIZED = frozenset(
    {
        "needs", "is", "of", "with", "to", "only", "just", "about", "occupies", "uses", "comes", "has",
        "size", "roughly",
    }
)  # fmt: skip
# Words right before the value of something; others may announce what is gained, paid or saved.
_SAID = frozenset(
    {
        "at", "of", "is", "was", "with", "to", "from", "and", "or", "a", "an", "the", "its", "perplexity",
        "ppl", "does", "do", "reaches", "reached", "runs", "hits", "gets", "manages", "delivers",
        "generates", "has", "had", "about", "around", "roughly", "nearly", "almost", "only", "just",
        "speed", "throughput", "than", "vs", "against", "versus", "scores", "shows", "posts", "reads",
        "produces", "achieves", "per", "while", "but", "for", "s", "weight", "under", "over", "above",
        "below",
    }
)  # fmt: skip
_PART_OF = re.compile(r"\s+(?:of|in) (?:perplexity|ppl|speed|throughput|divergence)\b", re.IGNORECASE)
_AND = re.compile(r"(?:,|\band) $")
_SCALES = {"G": (2.0**-30, 1e-9), "M": (2.0**-20, 1e-6), "T": (2.0**-40, 1e-12), "B": (1e-9,)}


def find(work: Work) -> Iterator[Claim]:
    """Numbers that are the value of one model."""
    for index in list(work.free()):
        quantity = work.clause.tokens[index].quantity
        if quantity is None or work.of_an_error(index) or _is_a_part(work, index):
            continue
        metrics = _metrics(work, index, quantity)
        if metrics and metrics[0] in (PERPLEXITY, KL, SPEED) and of_a_difference(work, index):
            continue
        if metrics:
            beside = model_beside(work, index) is not None
            made = work.claim(index, index, _readings(work, index, quantity, metrics), sure=beside)
            if made is not None:
                yield made


def _metrics(work: Work, index: int, quantity: Quantity) -> tuple[str, ...]:
    """What the number can be a value of; empty where that is not clear."""
    named = work.metric_at(index) or work.metric() or work.context.metric
    if quantity.kind == "size" and _is_size(work, index):
        return (SIZE,)
    if quantity.kind == "speed":
        return (SPEED,)
    if quantity.kind == "bpw":
        return (BITS,)
    if quantity.kind == "parameters" and work.clause.has("metric") and work.metric() == PARAMETERS:
        return (
            () if "active" in work.clause.text[work.clause.start : work.clause.end].lower() else (PARAMETERS,)
        )
    if named == PERPLEXITY and quantity.fits_a_score:
        named = ""  # no perplexity is below one
    if named in (PERPLEXITY, KL) and quantity.kind == "plain" and quantity.places >= 1:
        return (named,)
    if quantity.kind == "plain" and quantity.places >= 1 and (unit := _unit_before(work, index)):
        return (unit,)
    if named == SPEED and quantity.kind == "plain" and quantity.places >= 1 and quantity.low > 1:
        return (SPEED,)
    hundredths = quantity.kind == "percent" and quantity.places >= 1 and quantity.low > 5
    if hundredths and _goes_on_with_shares(work, index):
        return ()
    if quantity.fits_a_score or hundredths or _of_hundred(work, index, quantity):
        return _score_metrics(work, index, named)
    return ()


def _unit_before(work: Work, index: int) -> str:
    """`A runs at 6.9 tokens per second, B at 9.8`: the unit is said once."""
    tokens = work.clause.tokens
    if not index or not tokens[index - 1].is_model or work.groups:
        return ""
    if work.clause.between(tokens[index - 1], tokens[index]).strip().lower() not in (
        "at",
        ":",
        "(",
        "with",
        "",
    ):
        return ""
    before = [t.quantity.kind for t in (*work.clause.earlier, *tokens[:index]) if t.quantity]
    return {"speed": SPEED, "size": SIZE}.get(before[-1], "") if before else ""


def _goes_on_with_shares(work: Work, index: int) -> bool:
    """`A keeps 99 % of the average, B 97 %`: the second is a share, too."""
    before = [t for t in (*work.clause.earlier, *work.clause.tokens[:index]) if t.quantity]
    last = before[-1] if before else None
    if last is None or last.quantity is None or last.quantity.kind != "percent":
        return False
    return work.clause.text[last.end : last.end + 4] == " of "


def _is_a_part(work: Work, index: int) -> bool:
    """`0.289 of perplexity`: what is lost or gained of it."""
    return _PART_OF.match(work.clause.text, work.clause.tokens[index].end, work.clause.end) is not None


def _of_hundred(work: Work, index: int, quantity: Quantity) -> bool:
    """`61.2 on ARC-C`, `ARC-C: 61.2`: a score in percent without the sign."""
    if quantity.kind != "plain" or quantity.places not in (1, 2) or not 5 < quantity.low < 100:
        return False
    tokens, text = work.clause.tokens, work.clause.text
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    before = tokens[index - 1] if index else None
    on = (
        after is not None
        and bool(after.tasks)
        and work.clause.between(tokens[index], after).strip() in ("on", "in", "for")
    )
    at = (
        before is not None
        and bool(before.tasks)
        and text[before.end : tokens[index].start].strip() in (":", "=", "at", "of", "is", "(")
    )
    return on or at or _of_another(work, index)


def _of_another(work: Work, index: int) -> bool:
    """`HellaSwag: 56.1 (A 54.9, B 58.0)`: those of others behind a score in percent."""
    tokens = work.clause.tokens
    if (
        not index
        or not tokens[index - 1].is_model
        or work.clause.between(tokens[index - 1], tokens[index]).strip()
    ):
        return False
    first = next((i for i, token in enumerate(tokens[:index]) if token.quantity is not None), None)
    if first is None or not first or not tokens[first - 1].tasks:
        return False
    quantity = tokens[first].quantity
    return quantity is not None and quantity.kind == "plain" and 5 < quantity.low < 100


def _is_size(work: Work, index: int) -> bool:
    """A size in GB of the model's own, not the memory of a machine."""
    text = work.clause.text[work.clause.start : work.clause.end].lower()
    machine = any(
        word in text for word in ("mac", "ram", "memory", "gpu", "vram", "machine", "card with", "device")
    )
    named = any(token.is_model or token.kind("pronoun") for token in work.clause.tokens)
    token = work.clause.tokens[index]
    before = work.clause.text[max(work.clause.start, token.start - 12) : token.start].lower().split()
    last = before[-1].strip("(:=~") if before else ""
    last = before[-2] if last == "up" and len(before) > 1 else last
    if last in ("at", "weighs", "takes", "weighing", "taking"):
        return not machine or token.start - work.clause.start < 40
    return named and not machine and last in _SIZED


def _score_metrics(work: Work, index: int, named: str) -> tuple[str, ...]:
    if named == MEAN:
        return (MEAN, *work.mean_of())
    group = work.tasks_for(index)
    if group is not None:
        return group.tasks
    return work.context.tasks


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
    if metrics[0] in (SPEED, PERPLEXITY, KL, BITS) and not _is_said(work, index):
        found = [each if each.holds else Reading(holds=None, why=each.why) for each in found]
    second = [_value(work, model, metric, quantity, bound) for model in whose.others for metric in metrics]
    return [*found, *(Reading(holds=None, why=each.why) for each in second if each.holds)]


def _left_unsaid(work: Work, metrics: tuple[str, ...]) -> bool:
    """`the penalty is 0.09 for A but 0.72 for B`: what B's number is of was said of A's."""
    tokens = work.clause.tokens
    borrowed = not any(token.kind("metric") or token.tasks or token.relation for token in tokens)
    return borrowed and bool(metrics) and any(token.relation is not None for token in work.clause.earlier)


def _is_said(work: Work, index: int) -> bool:
    """Whether the words before a number say that it is a value: `at 52 tokens per second`, not `pays 11`."""
    token, text = work.clause.tokens[index], work.clause.text
    if (
        index
        and work.clause.tokens[index - 1].is_model
        and not work.clause.between(work.clause.tokens[index - 1], token).strip(" s'")
    ):
        return True
    if (index and work.listed(index) is not None) or _AND.search(text, max(0, token.start - 5), token.start):
        earlier = next((i for i in range(index - 1, -1, -1) if work.clause.tokens[i].quantity), None)
        if earlier is not None:
            return _is_said(work, earlier)
    before = text[max(work.clause.start, token.start - 24) : token.start].rstrip(" ~*")
    last = re.split(r"[\s]", before.lower())[-1] if before else ""
    return not last or last in _SAID or last[-1] in "(:=,/|\u2192" or not last[-1].isalnum()


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
