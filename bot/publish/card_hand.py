"""What a person wrote into a published card, carried into the card that takes its place.

A quant that is made again gets a new card. Edits of the old one, made by hand on the Hub, are merged into it
three-way; where hand and bot changed the same lines the new numbers stand, and the run's log says where the
person's words are. `bot card update` settles the same for cards whose quant stays.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from bot.errors import HostError
from bot.huggingface import HubDoor
from bot.publish import ledger
from bot.publish.card_decision import named
from bot.publish.card_merge import merge
from bot.publish.card_origin import RENDERED, by_hand, last_written
from bot.publish.files import CARD
from bot.publish.ledger import OnHub
from bot.records import Card, Record


class Carried(Record, frozen=True, kw_only=True):
    """The card with the person's edits in it (None: there are none), and a sentence for the log."""

    text: str | None = None
    told: str = ""


def carry(door: HubDoor, repo: str, card: Card) -> Carried:
    """`card` with what somebody wrote by hand into the one that stands on the Hub now."""
    there = ledger.look(door, repo)
    if there.manifest is None or not _edited(door, there):
        return Carried()
    old, at = there.manifest.template_commit, f"its commit {there.sha[:12]} has them"
    base = named(last_written(door, repo, there.sha, there.manifest), old, card.template_commit)
    data = door.read(repo, CARD, there.sha)
    theirs = named(data.decode("utf-8", errors="replace") if data else None, old, card.template_commit)
    if base is None or theirs is None:
        return Carried(told=f"words by hand in {repo}'s card could not be merged into the new one: {at}")
    return _merged(repo, base, card.text, theirs, at)


def _edited(door: HubDoor, there: OnHub) -> bool:
    """Whether README.md is not what the bot wrote last, or already a merged one."""
    assert there.manifest is not None
    merged_before = any(file.path == RENDERED for file in there.manifest.files)
    return merged_before or CARD in by_hand(there.manifest, door.files(there.repo, there.sha))


def _merged(repo: str, base: str, mine: str, theirs: str, at: str) -> Carried:
    try:
        merged = merge(base, mine, theirs)
        text = merge(base, mine, theirs, "mine").text if merged.conflicts else merged.text
    except HostError as error:
        return Carried(told=f"words by hand in {repo}'s card were not merged ({error}): {at}")
    said = f"what somebody wrote by hand into {repo}'s card stands in the new one"
    if merged.conflicts:
        said += f", but for {merged.conflicts} places where the numbers are new: {at}"
    return Carried(text=text if text != mine else None, told=said)


def write(folder: Path, card: Card, carried: Carried) -> Card:
    """Put the merged card into the quant's folder, and beside it the one without the person's words, which
    the next merge needs. Returns what stands in README.md."""
    if carried.text is None:
        return card
    (folder / CARD).write_text(carried.text, encoding="utf-8")
    (folder / RENDERED).parent.mkdir(parents=True, exist_ok=True)
    (folder / RENDERED).write_text(card.text, encoding="utf-8")
    return replace(card, text=carried.text)
