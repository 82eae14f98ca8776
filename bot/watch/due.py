"""What a change has to wait for before it is reported, and the conditions under which a base may be made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.records import BaseRevision
from bot.watch.complete import missing_shards
from bot.watch.watchlist import Entry

__all__ = ["due", "missing_shards", "ready_at", "terms", "too_large", "too_young", "unapproved", "unfinished"]

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


def due(entry: Entry, revision: BaseRevision, now: datetime) -> str | None:
    """The first reason to wait, as a sentence's end that names the way out; None when it can be made.

    What time alone settles comes first, a person's yes last.
    """
    return (
        too_young(entry, revision.last_modified, now)
        or unfinished(revision)
        or terms(entry, revision)
        or too_large(entry, revision)
        or unapproved(entry, revision)
    )


def terms(entry: Entry, revision: BaseRevision) -> str | None:
    """Why its terms hold it back: gated, or no license, and not accepted by its entry."""
    if revision.gated and "gated" not in entry.accept:
        return "it is gated: if its terms allow publishing quants, write `accept: [gated]` at its entry"
    if not revision.license and "no-license" not in entry.accept:
        return (
            "it names no license: if its author allows publishing quants, write `accept: [no-license]` "
            "at its entry"
        )
    return None


def too_large(entry: Entry, revision: BaseRevision) -> str | None:
    """Why its size holds it back: more bytes of weights than the entry's `max_size`."""
    if entry.max_size is None or revision.weight_bytes <= entry.max_size:
        return None
    size, limit = _gb(revision.weight_bytes), _gb(entry.max_size)
    return f"it weighs {size}, more than {limit}: raise `max_size`, or `bot publish {revision.repo}`"


def unapproved(entry: Entry, revision: BaseRevision) -> str | None:
    """Why it waits for a person: the entry's approval rule."""
    if not entry.needs_yes(revision):
        return None
    return f"it needs your yes ({_gb(revision.weight_bytes)}): `bot publish {revision.repo}`"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _age(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} seconds"
