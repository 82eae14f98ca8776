"""Everything a card can say, as one frozen record: what is not in `CardFacts` cannot stand on a card.

The text fields of `base` come from upstream and are hostile until rendered: they
are kept as they are here, and `bot.card.markdown` makes them plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

import bot
from bot.card.recipe_words import how_stored
from bot.records import BaseRevision, Gate, Measurement, ModelFolder, Plan, PlannedQuant, Record, Sibling
from bot.settings import REAL_HUB


class Update(Record, frozen=True, kw_only=True):
    """One line of the block of updates: when, why, and which files a reader has to fetch again."""

    date: str
    why: str
    files: tuple[str, ...] = ()


class CollectionLink(Record, frozen=True, kw_only=True):
    """A collection this quant sits in. `url` is None until the collection is known to the Hub."""

    title: str
    url: str | None = None


class CardFacts(Record, frozen=True, kw_only=True):
    """What a card is rendered from. `stored` says how the recipe stores tensors, one line a rule.

    `about` is what the recipe's file says of itself. `base_bytes` are the base's safetensors; `versions`
    maps a tool's distribution name to its version; `template_commit` is filled in when the card is rendered.
    `gate` is what the gate found, `measuring` that the tasks are not measured yet.
    """

    format: Literal["qx-facts-1"] = "qx-facts-1"
    repo: str
    base: BaseRevision
    base_bytes: int = 0
    recipe: str
    recipe_hash: str = ""
    about: str = ""
    stored: tuple[str, ...] = ()
    bits_per_weight: float
    parameters: int
    measurement: Measurement
    base_measurement: Measurement | None = None
    siblings: tuple[Sibling, ...] = ()
    collections: tuple[CollectionLink, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    endpoint: str = REAL_HUB
    rehearsal: bool = False
    text_only: bool = False
    notes: tuple[str, ...] = ()
    gate: Gate | None = None
    measuring: bool = False
    updates: tuple[Update, ...] = ()
    template: str = "quant"
    template_commit: str | None = None

    @property
    def name(self) -> str:
        """The repo's name without its owner."""
        return self.repo.rsplit("/", 1)[-1]


def facts(
    plan: Plan,
    quant: PlannedQuant,
    folder: ModelFolder,
    measurement: Measurement,
    base_measurement: Measurement | None = None,
    siblings: tuple[Sibling, ...] = (),
    *,
    collections: tuple[CollectionLink, ...] | None = None,
    endpoint: str = REAL_HUB,
    versions: Mapping[str, str] | None = None,
    updates: tuple[Update, ...] = (),
    template: str = "quant",
    gate: Gate | None = None,
    measuring: bool = False,
) -> CardFacts:
    """Gather what is known about one quant. Pure: every argument is a record made by an earlier stage.

    `siblings` may hold this quant itself, which is left out. `collections` defaults to
    the plan's titles without links, `versions` is laid over what the measurement kept.
    """
    titles = tuple(CollectionLink(title=title) for title in plan.collections)
    recipe = plan.recipe_of(quant)
    return CardFacts(
        repo=quant.repo,
        base=replace(plan.base, files=()),
        base_bytes=plan.base.weight_bytes,
        recipe=quant.recipe,
        recipe_hash=folder.recipe_hash,
        about=recipe.about,
        stored=how_stored(recipe),
        bits_per_weight=folder.bits_per_weight,
        parameters=folder.parameters,
        measurement=measurement,
        base_measurement=base_measurement,
        siblings=tuple(s for s in siblings if s.repo != quant.repo),
        collections=titles if collections is None else collections,
        versions={**measurement.versions, "qx-bot": bot.__version__, **(versions or {})},
        endpoint=endpoint.rstrip("/"),
        rehearsal=plan.rehearsal,
        text_only=plan.text_only or folder.text_only,
        notes=folder.notes,
        gate=gate,
        measuring=measuring,
        updates=updates,
        template=template,
    )
