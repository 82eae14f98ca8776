"""Making recalled quants again: plans that do not take what is published for done."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from bot.adopt.advisories import matches
from bot.adopt.recall import Affected, Recall
from bot.errors import NotFound, UsageError
from bot.huggingface import HubDoor
from bot.plan.decide import Wishes
from bot.plan.make import make_plan
from bot.plan.wishes import wishes_for
from bot.recipes.book import Book
from bot.records import MeasureSettings, Plan, Recipe
from bot.settings import Settings
from bot.watch.watchlist import book_for

How = Literal["remeasure", "rebuild"]
"""remeasure: by the rules that its manifest keeps, measured as it was.  rebuild: by what the recipe and the
watchlist say now. Both of the same revision of the base."""


def refuse_recalled_tools(recall: Recall) -> None:
    """Raise UsageError where this machine would measure with a version that is just being recalled."""
    for tool, versions in recall.tools.items():
        try:
            here = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            continue
        if matches({tool: here}, tool, versions):
            raise UsageError(
                f"this machine has {tool} {here}, which is recalled as well ({versions}): install another "
                "version first, or recall without making again"
            )


def plans(
    door: HubDoor, known: Settings, found: Iterable[Affected], how: How, watchlist: Path | None = None
) -> list[Plan]:
    """One plan for each base revision, account and way of measuring among them.

    Raises what `make_plan` raises: NotFound where a base is gone, NeedsPerson where its terms changed.
    """
    groups: dict[tuple[object, ...], list[Affected]] = {}
    for each in found:
        manifest = each.manifest
        measured = manifest.measurement.settings if manifest.measurement and how == "remeasure" else None
        key = (each.there.repo.split("/")[0], manifest.base, manifest.base_sha, manifest.text_only, measured)
        groups.setdefault(key, []).append(each)
    return [_plan(door, known, group, how, watchlist) for group in groups.values()]


def _plan(
    door: HubDoor, known: Settings, group: Sequence[Affected], how: How, watchlist: Path | None
) -> Plan:
    first = group[0].manifest
    wishes = _wishes(door, known, group, how, watchlist)
    plan = make_plan(door, known, first.base, first.base_sha, wishes, why=f"recalled: {group[0].why}")
    return forced(plan, {each.there.repo for each in group})


def forced(plan: Plan, repos: Iterable[str]) -> Plan:
    """The plan with these quants made once more although they are published as they are planned. Pure."""
    recalled = set(repos)
    quants = tuple(
        replace(quant, action="update", why="it is recalled")
        if quant.action == "published" and quant.repo in recalled
        else quant
        for quant in plan.quants
    )
    sizes = [quant.predicted_bytes for quant in quants if quant.action in ("make", "update")]
    disk = plan.base.weight_bytes + sum(sizes) + max(sizes, default=0)
    return replace(plan, quants=quants, disk_bytes=disk)


def _wishes(
    door: HubDoor, known: Settings, group: Sequence[Affected], how: How, watchlist: Path | None
) -> Wishes:
    first = group[0].manifest
    account = first.repo.split("/")[0]
    wishes = wishes_for(door, known, first.base, watchlist, account=account)
    book = book_for((), watchlist or known.watchlist)
    recipes = tuple(_recipe(book, each, how) for each in group)
    titles = dict.fromkeys(title for each in group for title in each.manifest.collections)
    measured = first.measurement.settings if first.measurement else MeasureSettings()
    return replace(
        wishes,
        recipes=recipes,
        collections=tuple(title.replace("{", "{{").replace("}", "}}") for title in titles),
        measure=measured if how == "remeasure" else wishes.measure,
        text_only=first.text_only,
        rehearsal=first.rehearsal,
    )


def _recipe(book: Book, each: Affected, how: How) -> Recipe:
    """What the quant is made by: the rules in its manifest, or what its recipe says now.

    Raises NotFound where neither is known.
    """
    rules, name = each.manifest.rules, each.manifest.recipe
    if how == "rebuild" and name in book.names:
        return book.parse(name)
    if rules is not None:
        return rules
    if name in book.names:
        return book.parse(name)
    raise NotFound(f"{each.there.repo} was made by a recipe {name!r} that is not here: add its file's folder")
