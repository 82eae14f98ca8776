"""What a change has to wait for before it is reported: time, and a whole upload."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.records import BaseRevision
from bot.watch.complete import missing_shards
from bot.watch.watchlist import Entry

_PICKLE = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
MAX_FILES = 20_000
"""No model has that many; what has is not read any further."""


def ready_at(entry: Entry, revision: BaseRevision) -> datetime | None:
    """When the revision reaches its minimum age; None where the Hub gives no date."""
    return old_enough_at(entry, revision.last_modified)


def old_enough_at(entry: Entry, last_modified: str | None) -> datetime | None:
    """When what changed at `last_modified` (ISO 8601) reaches the entry's minimum age."""
    if not last_modified:
        return None
    changed = datetime.fromisoformat(last_modified)
    return (changed if changed.tzinfo else changed.replace(tzinfo=UTC)) + timedelta(seconds=entry.min_age)


def too_young(entry: Entry, last_modified: str | None, now: datetime) -> str | None:
    """Why time has to pass, as a sentence's end; None when it is old enough. `now` is aware of its zone."""
    ready = old_enough_at(entry, last_modified)
    if ready is None or now >= ready:
        return None
    return f"it changed at {last_modified}: it is made when it is {_age(entry.min_age)} old"


def unfinished(revision: BaseRevision, missing: int | None = None) -> str | None:
    """What a new commit has to bring; None when it is complete. `missing` weight files are still to come
    (None: as the names tell)."""
    if len(revision.files) > MAX_FILES:
        return (
            f"it has {len(revision.files)} files, which no model has: it is looked at again when it changes"
        )
    names = [f.path for f in revision.files]
    missing = missing_shards(revision.files) if missing is None else missing
    if missing:
        return f"its upload is not finished: {missing} weight files are still to come"
    if any(name.endswith(".safetensors") and "/" not in name for name in names):
        return None
    if any(name.endswith(_PICKLE) for name in names):
        return "its weights are pickle only, which is never loaded: ask its author for safetensors"
    return "it has no weights: it is looked at again when it changes"


def _age(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} seconds"
