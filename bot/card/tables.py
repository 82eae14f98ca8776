"""The rows of the two tables every card may have: the family, and the tasks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bot.card.board import Board, Model, Score, Widths
from bot.card.facts import Unmeasured
from bot.records import Record
from bot.review.macs import fits


class FamilyRow(Record, frozen=True, kw_only=True):
    """One model of the family: this quant (`this`), a sibling, or the base."""

    name: str
    repo: str | None
    url: str | None
    recipe: str | None
    this: bool
    is_base: bool
    size_bytes: int | None
    size: str | None
    bits_per_weight: float | None
    widths: Widths | None
    fits: str | None
    perplexity: Score | None
    kl: float | None
    generation_tps: float | None
    chip: str | None


class TaskRow(Record, frozen=True, kw_only=True):
    """One task: this quant's score, and those of the `others` in the order of `others_of`."""

    task: str
    metric: str | None
    n: int | None
    says_nothing: bool
    score: Score | None
    others: tuple[Score | None, ...]


def family(board: Board, endpoint: str, adopted: Sequence[Unmeasured] = ()) -> tuple[FamilyRow, ...]:
    """This quant, its siblings, the base and measured rivals, and what was `adopted` of the same base;
    smallest first, last without a known size.

    Adopted quants are rows here and no models of the board: nothing is compared with what nobody measured.
    """
    rivals = [model for model in board.models if model.role == "rival" and model.size_bytes]
    shown = (*board.family, *rivals, *_unmeasured(board, adopted))
    ordered = sorted(shown, key=lambda m: (m.size_bytes is None, m.size_bytes or 0, m.name))
    return tuple(_row(model, endpoint) for model in ordered)


def _unmeasured(board: Board, adopted: Sequence[Unmeasured]) -> Iterator[Model]:
    """Models of which only name and size are known; none takes the name of one that was measured."""
    taken = {model.label for model in board.models}
    for each in adopted:
        name = each.repo.rsplit("/", 1)[-1] if each.name in taken else each.name
        taken.add(name)
        yield Model(
            name=name,
            role="sibling",
            label=name,
            repo=each.repo,
            recipe=each.recipe,
            size_bytes=each.size_bytes or None,
        )


def _row(model: Model, endpoint: str) -> FamilyRow:
    value, stderr = model.perplexity, model.perplexity_stderr
    return FamilyRow(
        name=model.label,
        repo=model.repo,
        url=f"{endpoint}/{model.repo}" if model.repo else None,
        recipe=model.recipe,
        this=model.role == "subject",
        is_base=model.role == "base",
        size_bytes=model.size_bytes,
        size=model.size,
        bits_per_weight=model.bits_per_weight,
        widths=model.widths,
        fits=fits(model.size_bytes) if model.size_bytes else None,
        perplexity=Score(value=value, stderr=stderr) if value is not None else None,
        kl=model.kl,
        generation_tps=model.tokens_per_second,
        chip=model.chip,
    )


def one_chip(rows: tuple[FamilyRow, ...]) -> str | None:
    """The chip all speeds were measured on, to stand in the table's head; None when they differ."""
    chips = {row.chip for row in rows if row.chip}
    return chips.pop() if len(chips) == 1 else None


def others_of(board: Board) -> tuple[Model, ...]:
    """What this quant's scores are compared with: the base, then the others by size."""
    scored = [model for model in board.others if model.scores or model.measurement]
    return tuple(sorted(scored, key=lambda m: (m.role != "base", -(m.size_bytes or 0))))


def tasks(board: Board, says_nothing: Collection[str]) -> tuple[TaskRow, ...]:
    """A row for each task this quant has a score on; others only where the metric is the same."""
    mine, others = board.subject.scores, others_of(board)
    return tuple(
        TaskRow(
            task=task,
            metric=mine[task].metric,
            n=mine[task].n,
            says_nothing=task in says_nothing,
            score=mine[task],
            others=tuple(_alike(model.scores.get(task), mine[task]) for model in others),
        )
        for task in board.tasks
        if task in mine
    )


def _alike(score: Score | None, mine: Score) -> Score | None:
    return score if score is not None and score.metric == mine.metric else None
