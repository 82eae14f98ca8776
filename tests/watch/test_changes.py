"""What a new revision means, and why a base has to wait: pure decisions over file lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.records import BaseRevision, ChangeKind, MeasureSettings, RepoFile
from bot.watch.changes import changed_files, classify
from bot.watch.complete import missing_shards
from bot.watch.due import ready_at, too_young, unfinished
from bot.watch.watchlist import Entry

FILES = {
    "README.md": "r1", "LICENSE": "l1", "config.json": "c1", "generation_config.json": "g1",
    "tokenizer.json": "t1", "tokenizer_config.json": "t2", "model.safetensors": "w1", ".gitattributes": "a1",
}  # fmt: skip


def revision(files: dict[str, str], **more: object) -> BaseRevision:
    """A revision whose files' contents are named by their values; weights are LFS files."""
    listed = tuple(
        RepoFile(path=path, size=10, sha256=content)
        if path.endswith(".safetensors")
        else RepoFile(path=path, size=10, oid=content)
        for path, content in files.items()
    )
    base = BaseRevision(repo="a/m", sha="0" * 40, license="mit", files=listed)
    return msgspec.structs.replace(base, **more)


KINDS: list[tuple[dict[str, str], ChangeKind]] = [
    ({"README.md": "r2"}, "card"),
    ({"README.md": "r2", "images/plot.png": "p"}, "card"),
    ({"images/plot.png": "p"}, "other"),
    ({".gitattributes": "a2"}, "other"),
    ({"modeling_x.py": "p"}, "other"),
    ({"original/model.safetensors": "w"}, "other"),
    ({"generation_config.json": "g2"}, "generation_config"),
    ({"generation_config.json": "g2", "README.md": "r2"}, "generation_config"),
    ({"tokenizer.json": "x"}, "tokenizer"),
    ({"tokenizer_config.json": "x"}, "tokenizer"),
    ({"chat_template.jinja": "x"}, "tokenizer"),
    ({"special_tokens_map.json": "x"}, "tokenizer"),
    ({"vocab.json": "x"}, "tokenizer"),
    ({"merges.txt": "x"}, "tokenizer"),
    ({"tokenizer.json": "x", "generation_config.json": "g2"}, "tokenizer"),
    ({"config.json": "c2"}, "weights"),
    ({"model.safetensors": "w2"}, "weights"),
    ({"model.safetensors.index.json": "i"}, "weights"),
    ({"pytorch_model.bin": "b"}, "weights"),
    ({"preprocessor_config.json": "p"}, "weights"),
    ({"processor_config.json": "p"}, "weights"),
    ({"text_encoder/preprocessor_config.json": "p"}, "other"),
    ({"tokenizer_2/vocab.json": "x"}, "other"),
    ({"additional_chat_templates/tool_use.jinja": "x"}, "tokenizer"),
    ({"USE_POLICY.md": "x"}, "license"),
    ({"docs/LICENSE": "x"}, "other"),
    ({"model.safetensors": "w2", "tokenizer.json": "x", "README.md": "r2"}, "weights"),
    ({"LICENSE": "l2"}, "license"),
    ({"LICENSE.txt": "l2"}, "license"),
    ({"LICENSE": "l2", "model.safetensors": "w2"}, "license"),
    ({}, "other"),
]


@pytest.mark.parametrize(("change", "kind"), KINDS)
def test_a_change_is_named_by_the_files_it_touched(change: dict[str, str], kind: ChangeKind) -> None:
    """The kind follows from paths and hashes alone; the mirror (taking the change back) is the same kind."""
    before, after = revision(FILES), revision(FILES | change)
    assert classify(before, after) == kind
    assert classify(after, before) == kind
    assert changed_files(before, after) == changed_files(after, before) == frozenset(change)


RANK: tuple[ChangeKind, ...] = ("license", "weights", "tokenizer", "generation_config", "card", "other")
PATHS = sorted({*FILES, *(path for change, _ in KINDS for path in change)})
CONTENTS = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["1", "2"]), max_size=12)


@given(CONTENTS, CONTENTS)
def test_a_change_is_the_gravest_of_what_its_files_mean(
    before: dict[str, str], after: dict[str, str]
) -> None:
    """Whatever two revisions hold: exactly the files that differ are named, the order of files plays no part,
    back is the same as forth, and the kind is the gravest that any of the files alone would give."""
    old, new = revision(before), revision(dict(reversed(after.items())))
    differ = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed_files(old, new) == differ
    kinds = {classify(revision({}), revision({path: "1"})) for path in differ}
    assert classify(old, new) == classify(new, old) == min(kinds | {"other"}, key=RANK.index)


@given(CONTENTS)
def test_the_same_files_under_another_commit_are_no_change(files: dict[str, str]) -> None:
    """A commit that leaves all files as they are changes nothing that matters here."""
    assert classify(revision(files), revision(files, sha="1" * 40)) == "other"
    assert changed_files(revision(files), revision(files, sha="1" * 40)) == frozenset()


def test_a_removed_file_is_a_change_like_an_added_one() -> None:
    """A tokenizer file that is gone is a tokenizer change."""
    fewer = {path: content for path, content in FILES.items() if path != "tokenizer.json"}
    assert classify(revision(FILES), revision(fewer)) == "tokenizer"


TERMS: list[dict[str, object]] = [
    {"license": "other"},
    {"license": None},
    {"license_name": "x"},
    {"gated": True},
]


@pytest.mark.parametrize("terms", TERMS)
def test_other_terms_are_a_license_change_whatever_else_changed(terms: dict[str, object]) -> None:
    """License metadata and gating freeze a base before anything is made of its new weights, both ways."""
    before, after = revision(FILES), revision(FILES | {"model.safetensors": "w2"}, **terms)
    assert classify(before, after) == classify(after, before) == "license"


def test_a_base_that_was_never_seen_is_new() -> None:
    """Without a former revision there is nothing to compare with, whatever the files."""
    assert classify(None, revision(FILES)) == classify(None, revision({})) == "new"


# ------------------------------------------------------------------ waiting

NOW = datetime(2025, 11, 21, 12, 0, tzinfo=UTC)
ENTRY = Entry(
    repo="a/m", source="repos: a/m", account="me", recipes=("q8",), collections=(), approval="auto",
    auto_up_to=None, auto_authors=(), accept=(), min_age=7200.0, max_size=None, compare_with=(),
    staging="private", text_only=False, measure=MeasureSettings(),
)  # fmt: skip
SHARDS = {f"model-0000{n}-of-00003.safetensors": f"w{n}" for n in (1, 2, 3)}
REASONS: list[tuple[dict[str, str], str | None]] = [
    (FILES, None),
    (SHARDS | {"model.safetensors.index.json": "i"}, None),
    ({k: v for k, v in SHARDS.items() if "2-of" not in k}, "1 weight files are still to come"),
    ({"config.json": "c", "model.safetensors.index.json": "i"}, "1 weight files are still to come"),
    ({"config.json": "c", "pytorch_model.bin": "b"}, "pickle only"),
    ({"config.json": "c"}, "it has no weights"),
    ({"config.json": "c", "original/model.safetensors": "w"}, "it has no weights"),
]


@pytest.mark.parametrize(("files", "reason"), REASONS)
def test_an_upload_that_is_not_whole_waits_for_one_stated_reason(
    files: dict[str, str], reason: str | None
) -> None:
    """Missing shards, pickle and no weights at all each hold a base back, in words; else it is complete."""
    found = unfinished(revision(files))
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_the_sentence_says_how_old_it_has_to_be() -> None:
    """Who waits is told from when on it counts and how long; without a date there is nothing to wait for."""
    told = too_young(ENTRY, "2025-11-21T11:00:00+00:00", NOW)
    assert told is not None
    assert "made when it is 2 hours old" in told
    assert too_young(ENTRY, "2025-11-21T11:00:00", NOW) == told.replace("+00:00", ""), "no zone is UTC"
    assert too_young(ENTRY, None, NOW) is None
    assert ready_at(ENTRY, revision(FILES)) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_age_alone_decides_between_waiting_and_due(age: int, min_age: int) -> None:
    """A complete, free base waits exactly until `ready_at`, and never after it."""
    modified = (NOW - timedelta(seconds=age)).isoformat()
    entry = msgspec.structs.replace(ENTRY, min_age=float(min_age))
    base = revision(FILES, last_modified=modified)
    ready = ready_at(entry, base)
    assert ready is not None
    assert (too_young(entry, base.last_modified, NOW) is None) == (ready <= NOW) == (age >= min_age)


@given(st.sets(st.integers(1, 50)), st.integers(1, 50))
def test_missing_shards_are_counted_from_the_names(present: set[int], total: int) -> None:
    """Of N promised shards, those that are not listed are missing."""
    numbers = {n for n in present if n <= total}
    files = [RepoFile(path=f"model-{n:05}-of-{total:05}.safetensors", size=1) for n in numbers]
    assert missing_shards(files) == (total - len(numbers) if numbers else 0)


def test_a_lying_shard_count_costs_nothing() -> None:
    """Names that promise 99,999 shards each are counted without listing them."""
    files = [RepoFile(path=f"m{n}-00001-of-99999.safetensors", size=1) for n in range(2000)]
    assert missing_shards(files) == 2000 * 99_998
