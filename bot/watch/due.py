"""Whether a base may be made now, or what it has to wait for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.records import BaseRevision, RepoFile
from bot.watch.watchlist import Entry

_SHARD = re.compile(r"([^/]+)-(\d{5})-of-(\d{5})\.safetensors")
_INDEX = re.compile(r"([^/]+)\.safetensors\.index\.json")
_PICKLE = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def due(entry: Entry, revision: BaseRevision, now: datetime) -> str | None:
    """The first reason to wait, as a sentence's end that names the way out; None when it can be made.

    `now` is aware of its zone. What time alone settles comes first, a person's yes last.
    """
    ready = ready_at(entry, revision)
    if ready is not None and now < ready:
        return f"it changed at {revision.last_modified}: it is made when it is {_age(entry.min_age)} old"
    return (
        _unfinished(revision)
        or _terms(entry, revision)
        or _too_large(entry, revision)
        or _unapproved(entry, revision)
    )


def ready_at(entry: Entry, revision: BaseRevision) -> datetime | None:
    """When the revision reaches its minimum age; None where the Hub gives no date."""
    if not revision.last_modified:
        return None
    return datetime.fromisoformat(revision.last_modified) + timedelta(seconds=entry.min_age)


def missing_shards(files: Iterable[RepoFile]) -> int:
    """How many weight files the names of the others, or an index, promise and that are not there."""
    present: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    indexed, stems = set(), set()
    for file in files:
        if shard := _SHARD.fullmatch(file.path):
            present[shard[1], int(shard[3])].add(int(shard[2]))
            stems.add(shard[1])
        elif index := _INDEX.fullmatch(file.path):
            indexed.add(index[1])
        elif file.path.endswith(".safetensors"):
            stems.add(file.path.removesuffix(".safetensors"))
    promised = sum(max(0, total - len(numbers)) for (_, total), numbers in present.items())
    return promised + len(indexed - stems)


def _unfinished(revision: BaseRevision) -> str | None:
    names = [f.path for f in revision.files]
    missing = missing_shards(revision.files)
    if missing:
        return f"its upload is not finished: {missing} weight files are still to come"
    if any(name.endswith(".safetensors") for name in names):
        return None
    if any(name.endswith(_PICKLE) for name in names):
        return "its weights are pickle only, which is never loaded: ask its author for safetensors"
    return "it has no weights: it is looked at again when it changes"


def _terms(entry: Entry, revision: BaseRevision) -> str | None:
    if revision.gated and "gated" not in entry.accept:
        return "it is gated: if its terms allow publishing quants, write `accept: [gated]` at its entry"
    if not revision.license and "no-license" not in entry.accept:
        return (
            "it names no license: if its author allows publishing quants, write `accept: [no-license]` "
            "at its entry"
        )
    return None


def _too_large(entry: Entry, revision: BaseRevision) -> str | None:
    if entry.max_size is None or revision.weight_bytes <= entry.max_size:
        return None
    size, limit = _gb(revision.weight_bytes), _gb(entry.max_size)
    return f"it weighs {size}, more than {limit}: raise `max_size`, or `bot publish {revision.repo}`"


def _unapproved(entry: Entry, revision: BaseRevision) -> str | None:
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
