"""Whether a number is the value of one model, and of what: `52 tokens per second`, `ARC-C: 61.2`."""

from __future__ import annotations

import re

from bot.review.claims.claim import Work
from bot.review.claims.metrics import BITS, KL, MEAN, PARAMETERS, PERPLEXITY, SIZE, SPEED
from bot.review.claims.quantities import Quantity

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


def value_metrics(work: Work, index: int, quantity: Quantity) -> tuple[str, ...]:
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


def is_a_part(work: Work, index: int) -> bool:
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


def is_said(work: Work, index: int) -> bool:
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
            return is_said(work, earlier)
    before = text[max(work.clause.start, token.start - 24) : token.start].rstrip(" ~*")
    last = re.split(r"[\s]", before.lower())[-1] if before else ""
    return not last or last in _SAID or last[-1] in "(:=,/|\u2192" or not last[-1].isalnum()
