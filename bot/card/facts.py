"""Everything a card can say, as one frozen record: what is not in `Facts` cannot stand on a card.

A fact is either reported (scores and perplexities as somebody published them) or measured here, with
all that makes it repeatable; `bot.card.board` brings both into one view, which tables, pictures,
sentences and the claim checker read. The JSON Schema of this file's types is docs/facts.schema.json.

Text that comes from upstream is hostile until rendered: it is kept as it is here, and
`bot.card.markdown` makes it plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

import bot
from bot.card.figures import LayerBits
from bot.card.recipe_words import how_stored
from bot.records import BaseRevision, Gate, Measurement, ModelFolder, Plan, PlannedQuant, Record, Sibling
from bot.settings import REAL_HUB

Kind = Literal["delta", "difference", "scores", "profile", "summary", "quants", "use_cases", "factors"]
"""What a table is; `bot.card.score_tables` says of each what it shows."""


class Metadata(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The card's metadata block, as far as it is not computed. None: not known, and left out."""

    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[str, ...] | None = None
    pipeline_tag: str | None = None
    tags: tuple[str, ...] | None = None
    library_name: str | None = None


class HubPage(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the Hub shows beside the card. `model_size` is the number of parameters as written there."""

    downloads_last_month: int | None = None
    model_size: str | None = None
    tensor_types: tuple[str, ...] | None = None


class ReportedPerplexity(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A perplexity and its standard error, as published."""

    value: float
    stderr: float | None = None


class ReportedQuant(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quant of the family, as published. `size` as written: 8.3G are 8.3 * 2**30 bytes."""

    quant: str
    perplexity: float | None = None
    stderr: float | None = None
    tokens_per_second: float | None = None
    size: str | None = None


class Table(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the card. `subject` and `against` name models of `scores` (or `quants`).

    `columns` are the headings in their order; one called `comment` is computed. `rows` are the rows of a
    summary, `labels` other names for models, `delta` in which form differences are written, `source`
    what the rows come from where it is not the scores; `header_arrows` and `note` say the rest in words.
    """

    kind: Kind
    title: str
    columns: tuple[str, ...] = ()
    subject: str | None = None
    against: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    delta: str = ""
    source: str = ""
    header_arrows: str = ""
    note: str = ""


class Update(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the block of updates: when, why, and which files a reader has to fetch again."""

    date: str
    why: str
    files: tuple[str, ...] = ()


class CollectionLink(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A collection this quant sits in. `url` is None until the collection is known to the Hub."""

    title: str
    url: str | None = None


class Words(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The publisher's own words, printed as written, with who signs them."""

    text: str
    signed: str


class Block(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paragraph, a line of a list, or a heading of a review: plain text on one line."""

    kind: Literal["paragraph", "bullet", "heading"]
    text: str


class ModelReview(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a language model wrote, with every number rendered by the bot and every claim checked.

    Of its `statements` that could be checked `true` were found true; `not_checkable` are the others. What was
    false is not in it.
    """

    model: str
    blocks: tuple[Block, ...]
    statements: int = 0
    true: int = 0
    not_checkable: int = 0


class Unmeasured(Record, frozen=True, kw_only=True):
    """A quant of the same base that stands on the account and was not measured here. `name` is its row's, the
    recipe where it is known for sure."""

    repo: str
    name: str
    recipe: str | None = None
    size_bytes: int = 0


class Recalled(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The publisher takes back what the card says: since when (a date), why, and what comes of it."""

    since: str
    why: str
    then: str = ""


class Measured(Record, frozen=True, kw_only=True):
    """What was measured here of this quant, its base and its siblings, and how the quant was made.

    `stored` says how the recipe stores tensors, one line a rule; `about` is what the recipe's file says of
    itself. `base_bytes` are the base's safetensors; `versions` maps a tool's distribution name to its
    version. `chat_template_now`: the sha256 of the template that a patch brought after the measurement.
    `adopted` are siblings that nobody measured here. `gate` is what the gate found, `measuring` that
    the tasks are not measured yet; `notes` are what the quantizer had to say, `layers` the widths it stored,
    layer by layer.
    """

    base: BaseRevision
    base_bytes: int = 0
    recipe_hash: str = ""
    about: str = ""
    stored: tuple[str, ...] = ()
    bits_per_weight: float
    parameters: int
    measurement: Measurement
    base_measurement: Measurement | None = None
    siblings: tuple[Sibling, ...] = ()
    adopted: tuple[Unmeasured, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    gate: Gate | None = None
    measuring: bool = False
    layers: LayerBits | None = None
    chat_template_now: str | None = None


class Facts(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a card is rendered from.

    `card` is the repo's name without its owner, `repo` with it where it is known. `scores` holds for each
    model and task the published accuracy (None: not published); `derived: true` beside them says that they
    were computed from differences. `subject` is this quant's name in `scores`; without it, the recipe or
    the card's name. `tables`: those the card shows; without them the template's own. `prose_blocks` tell what
    a published card talked about and are not printed. `new_version` is the repo that supersedes this one,
    `recalled` that what the card says is taken back for now.
    `base_gone`: since when (a date) the base is not on the Hub any more, so that no link leads there.
    `template_commit` is filled in when the card is rendered.
    """

    format: Literal["qx-facts-2"] = "qx-facts-2"
    card: str
    base_model: str
    recipe: str
    repo: str | None = None
    subject: str | None = None
    architecture: str | None = None
    mlx_lm_version: str | None = None
    metadata: Metadata = Metadata()
    hub: HubPage | None = None
    reviewed_by: str | None = None
    signed: str | None = None
    perplexity: ReportedPerplexity | None = None
    quants: tuple[ReportedQuant, ...] = ()
    scores: dict[str, dict[str, float | bool | None]] = msgspec.field(default_factory=dict)
    score_notes: str = ""
    tables: tuple[Table, ...] = ()
    prose_blocks: tuple[str, ...] = ()
    seed_file: str | None = None
    collections: tuple[CollectionLink, ...] = ()
    updates: tuple[Update, ...] = ()
    words: tuple[Words, ...] = ()
    review: ModelReview | None = None
    new_version: str | None = None
    base_gone: str | None = None
    recalled: Recalled | None = None
    measured: Measured | None = None
    endpoint: str = REAL_HUB
    rehearsal: bool = False
    text_only: bool = False
    template: str | None = None
    template_commit: str | None = None

    @property
    def name(self) -> str:
        """The repo's name without its owner."""
        return self.card

    @property
    def full_name(self) -> str:
        """`owner/name`; the name alone as long as no owner is known."""
        return self.repo or self.card


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
    template: str | None = None,
    gate: Gate | None = None,
    measuring: bool = False,
    words: tuple[Words, ...] = (),
    layers: LayerBits | None = None,
    adopted: tuple[Unmeasured, ...] = (),
) -> Facts:
    """Gather what is known about one quant. Pure: every argument is a record made by an earlier stage.

    `siblings` may hold this quant itself, which is left out. `collections` defaults to
    the plan's titles without links, `versions` is laid over what the measurement kept.
    """
    titles = tuple(CollectionLink(title=title) for title in plan.collections)
    recipe = plan.recipe_of(quant)
    known = {**measurement.versions, "qx-bot": bot.__version__, **(versions or {})}
    return Facts(
        card=quant.repo.rsplit("/", 1)[-1],
        repo=quant.repo,
        base_model=plan.base.repo,
        recipe=quant.recipe,
        architecture=plan.base.model_type,
        mlx_lm_version=known.get("mlx-lm"),
        collections=titles if collections is None else collections,
        updates=updates,
        words=words,
        endpoint=endpoint.rstrip("/"),
        rehearsal=plan.rehearsal,
        text_only=plan.text_only or folder.text_only,
        template=template,
        measured=Measured(
            base=replace(plan.base, files=()),
            base_bytes=plan.base.weight_bytes,
            recipe_hash=folder.recipe_hash,
            about=recipe.about,
            stored=how_stored(recipe),
            bits_per_weight=folder.bits_per_weight,
            parameters=folder.parameters,
            measurement=measurement,
            base_measurement=base_measurement,
            siblings=tuple(s for s in siblings if s.repo != quant.repo),
            adopted=tuple(each for each in adopted if each.repo != quant.repo),
            versions=known,
            notes=folder.notes,
            gate=gate,
            measuring=measuring,
            layers=layers,
        ),
    )
