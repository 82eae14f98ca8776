"""Numbers and relations held against the board: the arithmetic of every kind of claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.card.board import Model
from bot.card.numbers import task_title
from bot.review.claims.findings import Reading, negated, together
from bot.review.claims.metrics import MEAN, PERPLEXITY, SIZE, SPEED, Gap, Scale, signed
from bot.review.claims.quantities import Quantity
from bot.review.claims.thresholds import ABOUT, CLOSE, CRUSHING, MASSIVE, ROUNDED_SIZES, SAME, SLIGHT
from bot.review.claims.words import Relation


def fits(quantity: Quantity, value: float, bound: str = "", scale: float = 1.0) -> bool:
    """Whether a printed number says this value, within the rounding of its digits and its bound."""
    value, slack = value * scale, quantity.slack
    if bound == "about":
        return abs(value - quantity.low) <= max(slack, ABOUT * abs(quantity.low))
    if bound == "least":
        return value >= quantity.low - slack
    if bound == "most":
        return value <= quantity.low + slack
    return abs(value - quantity.low) <= slack


def holds(relation: Relation, gap: Gap) -> bool | None:
    """Whether the first model stands so to the second; None where a value is not known."""
    if gap.delta is None or gap.better is None or gap.theirs is None:
        return None
    by_value = relation.axis in ("value", "size") or (relation.axis == "speed")
    delta = gap.delta if by_value else gap.better
    if relation.sign == 0:
        near = _nearness(relation, gap)
        return abs(gap.delta) <= near + 1e-9
    if relation.strength == "least":
        return delta * relation.sign >= -1e-9
    if delta * relation.sign <= 1e-9:
        return False
    if gap.metric in (PERPLEXITY, SIZE, SPEED):
        return True
    if relation.strength == "big":
        return abs(delta) >= MASSIVE - 1e-9
    if relation.strength == "slight":
        return abs(delta) <= SLIGHT + 1e-9
    return True


def _nearness(relation: Relation, gap: Gap) -> float:
    near = SAME if relation.strength == "same" else CLOSE
    if gap.metric in (SIZE, SPEED, PERPLEXITY):
        return abs(gap.theirs or 0.0) * (0.005 if relation.strength == "same" else 0.03)
    return near


def related(
    scale: Scale, mine: Model, theirs: Sequence[Model], metrics: Sequence[str], relation: Relation
) -> Reading:
    """One model against each of the others, on each of the metrics."""
    parts: list[Reading] = []
    deltas: list[float] = []
    for other in theirs:
        for metric in metrics:
            gap = scale.gap(mine, other, metric)
            parts.append(Reading(holds=holds(relation, gap), why=_told(relation, gap, mine, other)))
            deltas += [gap.better] if gap.better is not None else []
    whole = together(parts) or Reading(holds=None, why="nothing to compare")
    if whole.holds and relation.strength == "crushing" and sum(deltas) / len(deltas) < CRUSHING:
        mean = sum(deltas) / len(deltas)
        return Reading(
            holds=False, why=f"{whole.why}: a mean of {mean:+.4f}; the word wants at least {CRUSHING}"
        )
    return whole


def _told(relation: Relation, gap: Gap, mine: Model, theirs: Model) -> str:
    text = gap.told(mine, theirs)
    if gap.delta is None:
        return text
    if relation.strength == "big" and abs(gap.delta) < MASSIVE:
        return f"{text}; the word wants at least {MASSIVE}"
    if (
        relation.strength == "close"
        and abs(gap.delta) > CLOSE
        and gap.metric not in (SIZE, SPEED, PERPLEXITY)
    ):
        return f"{text}; the word allows {CLOSE}"
    return text


def any_task(
    scale: Scale, mine: Model, theirs: Sequence[Model], metrics: Sequence[str], relation: Relation
) -> Reading:
    """The same for a name that can mean either task."""
    found = [related(scale, mine, theirs, (metric,), relation) for metric in metrics]
    for wanted in (True, None):
        if hit := next((each for each in found if each.holds is wanted), None):
            return hit
    return found[0]


def differs(
    scale: Scale, mine: Model, theirs: Model, metric: str, quantity: Quantity, sign: int, bound: str = ""
) -> Reading:
    """`+0.006`, `2.1 points`, `3.7 % lower`: points and relative percent are both accepted.

    `sign`: +1 mine is said to be the better or larger one, -1 the other, 0 nothing is said.
    """
    gap = scale.gap(mine, theirs, metric)
    told = gap.told(mine, theirs)
    if gap.delta is None or gap.mine is None or gap.theirs is None:
        return Reading(holds=None, why=told)
    right = _magnitude(scale, gap, mine, theirs, quantity, bound)
    delta = gap.delta
    turned = sign and delta and (delta > 0) != (sign > 0) and abs(quantity.low) > 1e-9
    if right and not turned:
        return Reading(holds=True, why=told)
    relative = f" = {100 * abs(delta):.1f} points, {100 * abs(delta) / (gap.theirs or 1):.1f} % relative"
    fix = corrected(quantity, gap)
    return Reading(
        holds=False, why=told + (relative if metric in scale.tasks or metric == MEAN else ""), fix=fix
    )


def _magnitude(scale: Scale, gap: Gap, mine: Model, theirs: Model, quantity: Quantity, bound: str) -> bool:
    assert gap.delta is not None
    size = abs(gap.delta)
    first, second = abs(gap.mine or 0.0), abs(gap.theirs or 0.0)
    shares = [size / each for each in (first, second) if each]
    values: list[float]
    if quantity.kind == "plain":
        hundredths = quantity.places < 2 and gap.metric not in (PERPLEXITY, SPEED)
        values = [100 * size] if hundredths else [size]
    elif quantity.kind == "points":
        values = [100 * size, size] if gap.metric == PERPLEXITY else [100 * size]
    elif quantity.kind == "times":
        values = [max(first, second) / min(first, second)] if min(first, second) else []
    elif quantity.kind == "size":
        if quantity.letter == "M" and abs(size * 2.0**-20 - quantity.low) <= ROUNDED_SIZES:
            return True
        values = [
            size * scale
            for scale in (
                {"M": (2.0**-20, 1e-6), "T": (2.0**-40, 1e-12)}.get(quantity.letter, (2.0**-30, 1e-9))
            )
        ]
    elif quantity.kind == "speed":
        values = [size]
    else:
        values = [100 * share for share in shares]
        if gap.metric not in (PERPLEXITY, SIZE, SPEED):
            values.append(100 * size)
        if gap.metric == MEAN:
            values.append(100 * abs(mean_of_shares(scale, mine, theirs)))
    return any(fits(quantity, value, bound) for value in values)


def mean_of_shares(scale: Scale, mine: Model, theirs: Model) -> float:
    """The mean over the shared tasks of the relative differences."""
    tasks = scale.shared(mine, theirs)
    pairs = [(mine.scores[task].value, theirs.scores[task].value) for task in tasks]
    return sum(a / b - 1 for a, b in pairs if b) / len(tasks)


def corrected(quantity: Quantity, gap: Gap) -> str | None:
    """The number as it would be right, in the form in which it was written."""
    if gap.delta is None or quantity.high is not None:
        return None
    delta = gap.delta
    if not quantity.sign and any(fits(quantity, abs(delta) * scale) for scale in (1.0, 100.0)):
        return None  # the number is right, its direction is not
    sign = "" if not quantity.sign else ("+" if delta > 0 else "-" if delta < 0 else "\u00b1")
    if quantity.kind == "plain":
        return f"{sign}{abs(delta):.{max(3, quantity.places)}f}"
    if quantity.kind == "percent" and gap.theirs:
        points, share = 100 * abs(delta), 100 * abs(delta) / abs(gap.theirs)
        if gap.metric not in (PERPLEXITY, SIZE, SPEED) and abs(points - quantity.low) < abs(
            share - quantity.low
        ):
            return f"{sign}{points:.{max(1, quantity.places)}f}%"
        return f"{sign}{100 * abs(delta) / abs(gap.theirs):.{max(1, quantity.places)}f}%"
    if quantity.kind == "points":
        return f"{sign}{100 * abs(delta):.{max(1, quantity.places)}f} points"
    return None


def in_range(
    scale: Scale, mine: Model, theirs: Sequence[Model], metrics: Sequence[str], quantity: Quantity, sign: int
) -> Reading:
    """`1.4\u20132.5 %`: the least and the most of the differences, or a range that holds them all."""
    gaps = [(scale.gap(mine, other, metric), other) for other in theirs for metric in metrics]
    known = [(gap, other) for gap, other in gaps if gap.delta is not None and gap.theirs]
    if not known or len(known) < len(gaps):
        return Reading(holds=None, why="not all of these scores are known")
    if sign and any((gap.delta or 0.0) * sign < 0 for gap, _ in known):
        gap, other = next((g, o) for g, o in known if (g.delta or 0.0) * sign < 0)
        return Reading(holds=False, why=gap.told(mine, other))
    points = [abs(gap.delta or 0.0) for gap, _ in known]
    shares = [abs(gap.delta or 0.0) / (gap.theirs or 1.0) for gap, _ in known]
    forms = [points] if quantity.kind == "plain" else [[100 * each for each in points]]
    if quantity.kind == "percent":
        forms.append([100 * each for each in shares])
    low, high = sorted((quantity.low, quantity.high or quantity.low))
    right = any(_spans(form, low, high, quantity.slack) for form in forms)
    values = ", ".join(
        f"{task_title(gap.metric)} {signed(gap.metric, gap.delta or 0.0)}" for gap, _ in known[:10]
    )
    least, greatest = min(points), max(points)
    fix = None
    if quantity.kind in ("percent", "points"):
        unit = "%" if quantity.kind == "percent" else " points"
        mark = "+" if quantity.sign > 0 else ""
        fix = f"{mark}{100 * least:.{quantity.places}f}\u2013{100 * greatest:.{quantity.places}f}{unit}"
    return Reading(holds=right, why=f"{values}: {least:.3f} to {greatest:.3f}", fix=None if right else fix)


def _spans(values: list[float], low: float, high: float, slack: float) -> bool:
    """Whether the range goes from the least to the most of them; a single value must lie in it."""
    if len(values) == 1:
        return low - slack <= values[0] <= high + slack
    return abs(min(values) - low) <= slack and abs(max(values) - high) <= slack


def readings(
    subjects: Sequence[Model],
    rivals: Sequence[Sequence[Model]],
    judged: Callable[[Model, Sequence[Model]], Reading],
) -> list[Reading]:
    """A judgement for each way to understand who is meant; several subjects must all stand so.

    With several subjects and no rivals, the claim is about them among each other.
    """
    if not rivals and len(subjects) > 1:
        first, *others = subjects
        return [judged(first, others)]
    found = []
    for group in rivals:
        parts = [judged(mine, [other for other in group if other is not mine]) for mine in subjects]
        if whole := together(parts):
            found.append(whole)
    return found


def turned(found: list[Reading], *, negative: bool) -> list[Reading]:
    return [negated(each) for each in found] if negative else found
