"""The rows of the card's two tables, computed from facts: the family, and the tasks."""

from __future__ import annotations

from bot.card.facts import CardFacts
from bot.records import Measurement, Perplexity, Record, TaskScore
from bot.review.macs import fits


class FamilyRow(Record, frozen=True, kw_only=True):
    """One model of the family: this quant (`this`), a sibling, or the base (`recipe` is None)."""

    name: str
    repo: str
    url: str
    recipe: str | None
    this: bool
    size_bytes: int
    bits_per_weight: float | None
    fits: str
    perplexity: Perplexity | None
    generation_tps: float | None
    chip: str | None

    @property
    def is_base(self) -> bool:
        return self.recipe is None


class TaskRow(Record, frozen=True, kw_only=True):
    """One task: this quant's score, and those of the `others` in the order of `others_of`."""

    task: str
    metric: str
    n: int
    says_nothing: bool
    score: TaskScore
    others: tuple[TaskScore | None, ...]


def chip(device: str) -> str:
    """The chip's name out of a device description, which begins with it."""
    name = device.split(",", 1)[0].strip()
    return f"{name}, CPU" if "MLX on cpu" in device else name


def family(facts: CardFacts) -> tuple[FamilyRow, ...]:
    """This quant, its siblings and the base, smallest first; last what has no known size."""
    rows = [_row(facts, facts.repo, facts.recipe, facts.measurement, this=True)]
    rows += [_row(facts, s.repo, s.recipe, s.measurement) for s in facts.siblings]
    rows.append(_row(facts, facts.base.repo, None, facts.base_measurement))
    return tuple(sorted(rows, key=lambda row: (row.size_bytes == 0, row.size_bytes, row.name)))


def _row(
    facts: CardFacts, repo: str, recipe: str | None, found: Measurement | None, this: bool = False
) -> FamilyRow:
    size = found.size_bytes if found else facts.base_bytes
    speed = found.speed if found else None
    return FamilyRow(
        name=recipe or "base",
        repo=repo,
        url=f"{facts.endpoint}/{repo}",
        recipe=recipe,
        this=this,
        size_bytes=size,
        bits_per_weight=found.bits_per_weight if found else None,
        fits=fits(size) if size else "not known",
        perplexity=found.perplexity if found else None,
        generation_tps=speed.generation_tps if speed else None,
        chip=chip(found.device) if found and speed else None,
    )


def one_chip(rows: tuple[FamilyRow, ...]) -> str | None:
    """The chip all speeds were measured on, to stand in the table's head; None when they differ."""
    chips = {row.chip for row in rows if row.chip}
    return chips.pop() if len(chips) == 1 else None


def others_of(facts: CardFacts) -> tuple[tuple[str, Measurement], ...]:
    """(name, measurement) of what this quant is compared with: the base if measured, siblings by size."""
    base = (("base", facts.base_measurement),) if facts.base_measurement else ()
    siblings = sorted(facts.siblings, key=lambda s: -s.measurement.size_bytes)
    return (*base, *((s.recipe, s.measurement) for s in siblings))


def tasks(facts: CardFacts, says_nothing: tuple[str, ...]) -> tuple[TaskRow, ...]:
    """A row for each task measured on this quant; others only where task and metric are the same."""
    others = [_by_task(measurement) for _, measurement in others_of(facts)]
    return tuple(
        TaskRow(
            task=found.task,
            metric=found.metric,
            n=found.n,
            says_nothing=found.task in says_nothing,
            score=found,
            others=tuple(other.get((found.task, found.metric)) for other in others),
        )
        for found in facts.measurement.tasks
    )


def _by_task(measurement: Measurement) -> dict[tuple[str, str], TaskScore]:
    return {(score.task, score.metric): score for score in measurement.tasks}
