"""A model beside a reference, row by row, as `bot compare` shows it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from typing import Literal

from msgspec.structs import replace

from bot.measure.results import Outcomes
from bot.measure.statistics import MARGIN, Difference, is_accuracy
from bot.records import Divergence, Measurement, NonInferiority, Perplexity, Record
from bot.review.compare import NOT_KNOWN, Comparison, PerplexityDifference, TaskDifference, compare
from bot.review.pairing import pairs

Word = Literal["gain", "loss", "within noise", "says nothing", "not compared"]


class Row(Record, frozen=True, kw_only=True):
    """One task on both. `difference` (with its 95 % interval) and `p`, adjusted over the tasks (Holm), are
    None where nothing is compared; `why` then says the reason."""

    task: str
    metric: str
    n: int
    reference: float
    value: float
    verdict: Word
    difference: Difference | None = None
    p: float | None = None
    why: str = ""


class PerplexityRow(Record, frozen=True, kw_only=True):
    """The perplexity of both, where both have one; lower is better."""

    reference: Perplexity
    value: Perplexity
    verdict: Word
    difference: PerplexityDifference | None = None
    why: str = ""


class Mean(Record, frozen=True, kw_only=True):
    """The mean accuracy of both over the tasks compared, and whether it is shown not to be lower."""

    reference: float
    value: float
    non_inferiority: NonInferiority


class SideBySide(Record, frozen=True, kw_only=True):
    """The model `name` against the reference. `only_one` are tasks that just one of the two was asked.

    The divergences are from each one's base; `unpaired` counts tasks compared by scores alone; `other_base`
    says that the two are made of different bases, whose tokenizers may differ.
    """

    name: str
    size_bytes: int
    bits_per_weight: float | None
    rows: tuple[Row, ...]
    perplexity: PerplexityRow | None
    divergence: Divergence | None
    reference_divergence: Divergence | None
    mean: Mean | None
    gains: int
    losses: int
    within_noise: int
    says_nothing: int
    not_compared: int
    unpaired: int
    only_one: tuple[str, ...] = ()
    other_base: bool = False


class Compared(Record, frozen=True, kw_only=True):
    """Models against one reference."""

    reference: str
    size_bytes: int
    others: tuple[SideBySide, ...]


def side_by_side(
    name: str,
    mine: Measurement,
    reference: Measurement,
    outcomes: Outcomes = NOT_KNOWN,
    of_reference: Outcomes = NOT_KNOWN,
    margin: float = MARGIN,
    *,
    other_base: bool = False,
) -> SideBySide:
    """Every number of the model beside the reference's, with what may be said about the difference."""
    found = compare(mine, "reference", reference, outcomes, of_reference)
    rows = _rows(mine, reference, found)
    words = [row.verdict for row in rows]
    tasks = [{score.task for score in each.tasks} for each in (mine, reference)]
    return SideBySide(
        name=name,
        size_bytes=mine.size_bytes,
        bits_per_weight=mine.bits_per_weight,
        rows=rows,
        perplexity=_perplexity(mine, reference, found.perplexity_difference),
        divergence=mine.divergence,
        reference_divergence=reference.divergence,
        mean=_mean(found, margin),
        gains=words.count("gain"),
        losses=words.count("loss"),
        within_noise=words.count("within noise"),
        says_nothing=words.count("says nothing"),
        not_compared=words.count("not compared"),
        unpaired=sum(not d.difference.paired for d in found.tasks),
        only_one=tuple(sorted(tasks[0] ^ tasks[1])),
        other_base=other_base,
    )


def only(measurement: Measurement, tasks: Collection[str]) -> Measurement:
    """The measurement with just these tasks."""
    return replace(
        measurement,
        tasks=tuple(score for score in measurement.tasks if score.task in tasks),
        tasks_without_template=tuple(s for s in measurement.tasks_without_template if s.task in tasks),
    )


def _rows(mine: Measurement, reference: Measurement, found: Comparison) -> tuple[Row, ...]:
    """In the order in which the model was asked."""
    compared = {d.task: d for d in found.tasks}
    rows = []
    for a, b, why_not in pairs(mine, reference):
        row = Row(
            task=a.task, metric=a.metric, n=min(a.n, b.n), reference=b.value, value=a.value,
            verdict="not compared", why=why_not or "",
        )  # fmt: skip
        if a.task in compared:
            told = compared[a.task]
            row = replace(row, difference=told.difference, p=told.p, verdict=_word(told))
        elif a.task in found.silent:
            row = replace(row, verdict="says nothing", why=found.silent[a.task])
        rows.append(row)
    return tuple(rows)


def _word(told: TaskDifference) -> Word:
    if not told.beyond_noise:
        return "within noise"
    return "gain" if told.better else "loss"


def _perplexity(
    mine: Measurement, reference: Measurement, difference: PerplexityDifference | None
) -> PerplexityRow | None:
    a, b = mine.perplexity, reference.perplexity
    if a is None or b is None:
        return None
    if difference is None:
        return PerplexityRow(reference=b, value=a, verdict="not compared", why="measured on other text")
    word: Word = "within noise"
    if difference.beyond_noise:
        word = "gain" if difference.value < 0 else "loss"
    return PerplexityRow(reference=b, value=a, verdict=word, difference=difference)


def _mean(found: Comparison, margin: float) -> Mean | None:
    shown = found.non_inferiority(margin)
    accuracies = [d for d in found.tasks if is_accuracy(d.mine)]
    if shown is None:
        return None
    return Mean(
        reference=statistics.fmean(d.theirs.value for d in accuracies),
        value=statistics.fmean(d.mine.value for d in accuracies),
        non_inferiority=shown,
    )
