"""Whether an upload is whole: the names tell, and where they do not, the index does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.records import BaseRevision, RepoFile
from bot.watch.complete import LARGEST_INDEX, files_of_index, indexes_to_read, missing_shards, missing_weights
from bot.watch.due import MAX_FILES, unfinished

INDEX = "model.safetensors.index.json"


def listed(*paths: str, size: int = 1) -> list[RepoFile]:
    return [RepoFile(path=path, size=size) for path in paths]


def shard(number: int, total: int, stem: str = "model") -> str:
    return f"{stem}-{number:05}-of-{total:05}.safetensors"


CASES: list[tuple[tuple[str, ...], frozenset[str], int, int]] = [
    # files, what the index names, missing by name alone, missing by the index
    ((INDEX, shard(1, 2), shard(2, 2)), frozenset({shard(1, 2), shard(2, 2)}), 0, 0),
    ((INDEX, shard(1, 2)), frozenset({shard(1, 2), shard(2, 2)}), 1, 1),
    ((INDEX, shard(1, 2), shard(2, 2), shard(1, 3)), frozenset({shard(1, 2), shard(2, 2)}), 2, 0),
    ((INDEX, shard(1, 3), shard(1, 2), shard(2, 2)), frozenset({shard(n, 3) for n in (1, 2, 3)}), 2, 2),
    ((INDEX,), frozenset({"a.safetensors"}), 1, 1),
    ((INDEX, "a.safetensors", "b.safetensors"), frozenset({"a.safetensors", "b.safetensors"}), 1, 0),
    ((INDEX, "a.safetensors"), frozenset({"a.safetensors", "b.safetensors"}), 1, 1),
]


@pytest.mark.parametrize(("paths", "named", "by_name", "by_index"), CASES)
def test_the_index_has_the_last_word(
    paths: tuple[str, ...], named: frozenset[str], by_name: int, by_index: int
) -> None:
    """It is read only where the names alone say that something is missing, and then it decides."""
    files = listed(*paths)
    assert missing_shards(files) == by_name
    assert indexes_to_read(files) == ((INDEX,) if by_name else ())
    assert missing_weights(files, {INDEX: named}) == by_index


def test_other_checkpoints_of_the_repo_count_for_themselves() -> None:
    """An index speaks of its own checkpoint; shards of another stay missing."""
    files = listed(INDEX, "a.safetensors", shard(1, 2, "consolidated"))
    assert missing_weights(files, {INDEX: frozenset({"a.safetensors"})}) == 1
    assert missing_shards(listed("original/" + shard(1, 2))) == 0, "folders hold no weights"


def test_a_huge_index_is_not_read() -> None:
    """An index that is larger than any model's is left alone, and the names stand."""
    assert indexes_to_read(listed(INDEX, size=LARGEST_INDEX)) == (INDEX,)
    assert indexes_to_read(listed(INDEX, size=LARGEST_INDEX + 1)) == ()


NAMES = st.sampled_from([shard(n, t) for t in (1, 2, 3) for n in range(1, t + 1)] + ["x.safetensors"])


@given(st.sets(NAMES), st.sets(NAMES, min_size=1))
def test_missing_is_what_is_named_and_not_there(there: set[str], named: set[str]) -> None:
    """Whatever lies in the repo: by its index, a checkpoint lacks exactly the files that are not listed."""
    content = json.dumps({"metadata": {}, "weight_map": {f"t{n}": file for n, file in enumerate(named)}})
    read = files_of_index(content.encode())
    assert read is not None
    assert set(read) == named
    assert missing_weights(listed(INDEX, *there), {INDEX: read}) == len(named - there)


@given(st.binary(max_size=200))
def test_what_is_no_index_tells_nothing(content: bytes) -> None:
    """Any bytes give the files of an index or nothing, never an error."""
    found = files_of_index(content)
    assert found is None or all(isinstance(path, str) for path in found)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"weight_map": {}}', b'{"weight_map": {"a": 1}}', b'{"x":' + b"[" * 10**6]
)
def test_hostile_indexes_tell_nothing(content: bytes) -> None:
    """Empty, misshapen and deeply nested ones are no index."""
    assert files_of_index(content) is None


def test_a_million_files_are_no_model() -> None:
    """A repo with more files than any model waits, in words, for as long as it is so."""
    files = tuple(listed("model.safetensors", *(f"f{n}" for n in range(MAX_FILES))))
    told = unfinished(BaseRevision(repo="a/m", sha="0" * 40, files=files))
    assert told is not None
    assert "which no model has" in told
