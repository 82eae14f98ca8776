"""What a sentence leaves unsaid: whom it speaks of, against whom, on which tasks."""

from __future__ import annotations

from collections.abc import Iterable

from bot.card.board import Model
from bot.records import Record
from bot.review.claims.clause import Clause
from bot.review.claims.metrics import Scale
from bot.review.claims.parties import parties


class Context(Record, frozen=True, kw_only=True):
    """Taken from headings, table columns and earlier sentences. Names of models; empty: nothing was said.

    `sets`: which models tables show together; a best or a worst is meant among one of these.
    `fixed`: nobody else is meant than `rivals`. `borrowed`: the tasks are those of an earlier clause, which
    numbers may be of, but no mere words. `strangers`: models that the board lacks are spoken of nearby, so
    that a claim that names no rival may be about one of them. `said`: the tasks of the last sentence.
    """

    subjects: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    loose: bool = False
    metric: str = ""
    sets: tuple[tuple[str, ...], ...] = ()
    fixed: bool = False
    borrowed: bool = False
    strangers: bool = False
    said: tuple[str, ...] = ()


def unique(groups: Iterable[tuple[Model, ...]]) -> tuple[tuple[Model, ...], ...]:
    """Without empty ones, each group of models once."""
    found: dict[tuple[str, ...], tuple[Model, ...]] = {}
    for group in groups:
        if group:
            found.setdefault(tuple(model.name for model in group), group)
    return tuple(found.values())


def scored(scale: Scale) -> tuple[Model, ...]:
    return scale.scored or scale.board.models


def of(scale: Scale, names: Iterable[str]) -> tuple[Model, ...]:
    """The models of these names, as far as the board has them."""
    found = (scale.board.find(name) for name in names)
    return tuple(model for model in found if model is not None)


def opened(scale: Scale, clause: Clause, before: Context) -> Context | None:
    """What a heading says about those under it; None where it names nobody."""
    everyone = parties(clause)
    mine = [name for party in everyone if not party.rival for name in party.models]
    rivals = [name for party in everyone if party.rival for name in party.models]
    if any(party.rival and party.group == "others" for party in everyone):
        rivals = [model.name for model in scored(scale) if model.name not in mine]
    if not mine and not rivals:
        return None
    subjects = tuple(dict.fromkeys(mine))
    if len(subjects) > 1 and not rivals:
        subjects = ()
    return Context(subjects=subjects, rivals=tuple(dict.fromkeys(rivals)), sets=before.sets)
