"""The card of a patched quant: rendered from its facts as `bot card update` does, a person's words kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.adopt import siblings as adopted
from bot.card.board import board
from bot.card.facts import Facts
from bot.card.figures.sketch import sketches
from bot.card.render import render
from bot.errors import NotFound
from bot.huggingface import HubDoor
from bot.patch.plan import quants_of
from bot.patch.words import with_siblings
from bot.publish import card_facts, card_figures
from bot.publish.card_commit import card_files
from bot.publish.card_decision import decide
from bot.publish.card_origin import as_it_stands, by_hand
from bot.publish.ledger import OnHub
from bot.records import Card, Manifest, Record, RepoFile
from bot.review.review import review

UNKNOWN = "its card is left as it is: nothing tells any more what it was made of"


class Known(Record, frozen=True, kw_only=True):
    """The facts of the card that stands there, and the same with its siblings as they are published now."""

    kept: Facts
    now: Facts


class Written(Record, frozen=True, kw_only=True):
    """What is to be committed for the card: the files beside it too; None: a file that goes.

    `card` names its template (None: the template that the manifest names stays). `note` is for people.
    """

    files: dict[str, bytes | None]
    card: Card | None = None
    note: str = ""


def facts_there(door: HubDoor, there: OnHub, bases: Sequence[str]) -> Known | None:
    """What is known of a quant's card.

    Siblings are quants of one of `bases` (a base that is renamed has two names for a while) with the same
    weights, patched already or not yet. None where the repo holds no measurement, or where nothing tells any
    more what its card was made of.
    """
    manifest = there.manifest
    if manifest is None or manifest.measurement is None:
        return None
    try:
        kept = card_facts.kept_facts(door, there.repo, there.sha) or card_facts.facts_of(door, there.repo)
    except NotFound:
        return None
    account = there.repo.partition("/")[0]
    quants = {quant.repo: quant for base in bases for quant in quants_of(door, account, base)}
    siblings = card_facts.siblings_among(quants.values(), manifest.revisions)
    others = (each for base in bases for each in adopted.of_base(door.endpoint, account, base))
    return Known(kept=kept, now=with_siblings(kept, siblings, tuple(others)))


def written(
    door: HubDoor,
    there: OnHub,
    listed: Sequence[RepoFile],
    *,
    replaced: Facts,
    facts: Facts,
    own: Path | None,
) -> Written:
    """The card with `facts`, where the one on the Hub was made of the facts `replaced`.

    Edits by hand are merged in. Where hand and bot changed the same lines the card is left as it is, and the
    note says how to settle it. Raises ConfigError for a template that is wrong, HostError without git.
    """
    manifest = there.manifest
    assert manifest is not None, "only what the bot made is patched"
    shown = sketches(facts, board(facts))
    card = render(facts, review(facts, card_facts.outcomes_of(door, facts)), own, shown)
    changed = by_hand(manifest, listed)
    found = as_it_stands(door, there, changed, card)
    update = decide(found, manifest.template_commit, card.template_commit)
    beside: dict[str, bytes | None] = {card_facts.FILE: card_facts.encoded(facts)}
    if update.status == "conflict":
        return Written(files=beside, note=update.note)
    beside |= card_figures.to_commit(manifest, listed, replaced, facts, card_figures.drawn)
    files = card_files(update.after, card.text, beside) if update.after is not None else beside
    return Written(
        files={path: data for path, data in files.items() if path not in update.kept},
        card=card,
        note=update.note if update.edited else "",
    )


def unnamed(manifest: Manifest) -> Card:
    """Stands for a card that is left as it is: its template stays the one that the manifest names."""
    return Card(text="", template=manifest.template, template_commit=manifest.template_commit, title="")
