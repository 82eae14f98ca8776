"""Whether all weight files of a revision are there: from the names, and from an index where they do not tell.

An index is `NAME.safetensors.index.json`: {"weight_map": {tensor: file}}
(https://huggingface.co/docs/transformers/big_models#sharded-checkpoints).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from bot.records import Record, RepoFile

_SHARD = re.compile(r"([^/]+)-(\d{5})-of-(\d{5})\.safetensors")
_INDEX = re.compile(r"([^/]+)\.safetensors\.index\.json")
_WEIGHTS = re.compile(r"[^/]+\.safetensors")
LARGEST_INDEX = 50_000_000
"""Bytes; the index of the largest models has some ten. A larger one is not read."""


class _Index(Record, frozen=True, kw_only=True):
    weight_map: dict[str, str]


def missing_shards(files: Iterable[RepoFile]) -> int:
    """How many weight files the names of the others, or an index, promise and that are not there."""
    return sum(_missing_by_name(tuple(files)).values())


def indexes_to_read(files: Iterable[RepoFile]) -> tuple[str, ...]:
    """The indexes that have to be asked, because by the names alone shards of theirs seem to be missing."""
    listed = tuple(files)
    stems = _missing_by_name(listed)
    return tuple(
        file.path
        for file in listed
        if (index := _INDEX.fullmatch(file.path)) and stems.get(index[1]) and file.size <= LARGEST_INDEX
    )


def missing_weights(files: Iterable[RepoFile], indexes: Mapping[str, frozenset[str]]) -> int:
    """`missing_shards`, with what the indexes at these paths name in place of what the names tell."""
    listed = tuple(files)
    there = {file.path for file in listed}
    missing = _missing_by_name(listed)
    for path, named in indexes.items():
        if index := _INDEX.fullmatch(path):
            missing[index[1]] = len(named - there)
    return sum(missing.values())


def files_of_index(content: bytes) -> frozenset[str] | None:
    """The weight files that an index names; None where it is no index."""
    try:
        named = frozenset(msgspec.json.decode(content, type=_Index).weight_map.values())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return named or None


def _missing_by_name(files: tuple[RepoFile, ...]) -> Counter[str]:
    """Missing files by the stem of the checkpoint they belong to (`model` for model-00001-of-00002)."""
    present: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    indexed, stems = set(), set()
    for file in files:
        if shard := _SHARD.fullmatch(file.path):
            present[shard[1], int(shard[3])].add(int(shard[2]))
            stems.add(shard[1])
        elif index := _INDEX.fullmatch(file.path):
            indexed.add(index[1])
        elif _WEIGHTS.fullmatch(file.path):
            stems.add(file.path.removesuffix(".safetensors"))
    missing: Counter[str] = Counter()
    for (stem, total), numbers in present.items():
        missing[stem] += max(0, total - len(numbers))
    missing.update(dict.fromkeys(indexed - stems, 1))
    return missing
