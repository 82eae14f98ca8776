"""The card's block of updates: what changed since a repo was last published, and what to fetch again."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.card.facts import Update
from bot.huggingface import HubDoor
from bot.publish import ledger
from bot.publish.card_facts import kept_facts
from bot.records import Manifest, ModelFolder, PlannedQuant


def updates(door: HubDoor, quant: PlannedQuant, folder: ModelFolder, today: str = "") -> tuple[Update, ...]:
    """The lines that the published card has, newest first, and before them one for what is new in `folder`.

    None for a repo that is published for the first time. `today` is a date (ISO 8601), default: now in UTC.
    """
    before = ledger.look(door, quant.repo)
    if before.manifest is None:
        return ()
    facts = kept_facts(door, quant.repo, before.sha)
    known = facts.updates if facts else ()
    files = changed_files(before.manifest, folder)
    recalled = facts.recalled if facts else None
    if not files and recalled is None:
        return known
    date = today or datetime.now(UTC).date().isoformat()
    why = _why(before.manifest, folder) if files else "measured again"
    if recalled is not None:
        why += f", which ends the recall of {recalled.since}"
    return (Update(date=date, why=why, files=files), *known)


def _why(before: Manifest, folder: ModelFolder) -> str:
    """Whether the base, the recipe, or neither of them is another one now."""
    if before.base_sha != folder.base_sha:
        return f"made from revision {folder.base_sha[:12]} of the base, before from {before.base_sha[:12]}"
    if before.recipe_hash != folder.recipe_hash:
        return f"made by what the recipe {folder.recipe} says now"
    return "made again"


def changed_files(before: Manifest, folder: ModelFolder) -> tuple[str, ...]:
    """Files of the quant that are new or other than `before`. What only describes it is not among them."""
    there = {file.path: file.sha256 for file in before.files}
    return tuple(
        file.path for file in folder.files if file.path != "README.md" and there.get(file.path) != file.sha256
    )
