"""Which files go where: pure, over file lists alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.errors import UnsuitableBase
from bot.patch.decide import PATCHED, Fate, alike, carried, fate, fate_of_mark, renewed_manifest
from bot.patch.patch import Patch, Patched, PatchedRepo, patch_id
from bot.records import BaseRevision, Manifest, RepoFile
from bot.watch.changes import changed_files, classify, kind_of_file

OLD, NEW = "a" * 40, "b" * 40
PATHS = (
    "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json", "merges.txt",
    "additional_chat_templates/tool.jinja", "params.json",
)  # fmt: skip
NEVER = (
    "config.json", "model.safetensors", "LICENSE", "README.md", "modeling.py", "preprocessor_config.json",
    "qx_manifest.json", "folder/tokenizer.json", "model.safetensors.index.json", "images/a.png",
)  # fmt: skip
contents = st.dictionaries(st.sampled_from((*PATHS, *NEVER)), st.integers(1, 3))


def base(sha: str, files: dict[str, int]) -> BaseRevision:
    """A revision whose files' contents are numbers."""
    return BaseRevision(repo="they/Base", sha=sha, files=tuple(map(file_of, files, files.values())))


def file_of(path: str, content: int) -> RepoFile:
    return RepoFile(path=path, size=content, oid=f"{content:040d}")


def weights(before: BaseRevision, after: BaseRevision) -> bool:
    return "weights" in map(kind_of_file, changed_files(before, after))


def quant(files: dict[str, int], **changes: object) -> Manifest:
    known = {
        "repo": "me/Base-q8-mlx",
        "base": "they/Base",
        "base_sha": OLD,
        "recipe": "q8",
        "recipe_hash": "c",
    }
    own = (*map(file_of, files, files.values()), RepoFile(path="model-q.safetensors", size=9, oid="q"))
    return Manifest(**{**known, "files": own, **changes})  # type: ignore[arg-type]  # fields of Manifest


@given(contents, contents)
def test_a_patched_quant_holds_the_small_files_of_the_new_revision_and_no_other_file_moves(
    old: dict[str, int], new: dict[str, int]
) -> None:
    """Copied onto what it carried over before, the files give what the new revision's quant would carry."""
    before, after = base(OLD, old), base(NEW, new)
    carries = {path: old[path] for path in carried(before)}

    found = fate(quant(carries), quant(carries).files, before, after)

    if classify(before, after) == "license" or weights(before, after):
        assert found.left
        assert not found.files
        return
    for path in found.removed:
        del carries[path]
    carries |= {path: new[path] for path in found.files}
    assert carries == {path: new[path] for path in carried(after)}
    assert {kind_of_file(path) for path in (*found.files, *found.removed)} <= set(PATCHED)


@given(contents, contents, st.sampled_from(PATHS), st.integers(4, 5))
def test_a_file_of_a_third_content_keeps_the_whole_quant_from_being_patched(
    old: dict[str, int], new: dict[str, int], path: str, other: int
) -> None:
    """Neither the former nor the new content: a person's. A file that the patch leaves does not matter."""
    before, after = base(OLD, old), base(NEW, new)
    entry = quant({name: old[name] for name in carried(before)})
    listed = (*(f for f in entry.files if f.path != path), file_of(path, other))

    found = fate(entry, listed, before, after)

    if classify(before, after) == "license" or weights(before, after):
        return
    touched = old.get(path) != new.get(path)
    assert (path in found.left) == touched
    assert not (touched and found.files)


@pytest.mark.parametrize(
    ("manifest", "before", "said"),
    [
        (quant({}, base_sha=NEW), base(OLD, {}), None),
        (quant({}, base_sha=NEW, base_gone="2026-01-01"), base(NEW, {}), ""),
        (quant({}, measuring=True), base(OLD, {}), "being measured"),
        (quant({}), None, "not on the Hub any more"),
        (quant({}), base(OLD, {"config.json": 1}), "weights changed since"),
        (quant({}), base(OLD, {"LICENSE": 1}), "license changed since"),
        (quant({}), base(OLD, {"README.md": 1}), ""),
    ],
)
def test_what_is_due_and_what_is_left_with_which_reason(
    manifest: Manifest, before: BaseRevision | None, said: str | None
) -> None:
    """None: nothing is due.  Empty: it is.  Else the reason why it stays as it is."""
    found = fate(manifest, manifest.files, before, base(NEW, {}))

    assert found.due == (said is not None)
    assert (said or "") in found.left
    assert bool(found.left) == bool(said)


def test_under_new_terms_that_a_person_accepted_the_license_comes_along() -> None:
    """Its text too; other weights are still no matter of a patch."""
    old, new = {"LICENSE": 1, "tokenizer.json": 1}, {"LICENSE": 2, "tokenizer.json": 2}
    entry = quant(old)

    found = fate(entry, entry.files, base(OLD, old), base(NEW, new), terms=True)

    assert found == Fate(files=("LICENSE", "tokenizer.json"))
    other = base(NEW, {**new, "model.safetensors": 1})
    assert "weights changed" in fate(entry, entry.files, base(OLD, old), other, terms=True).left


def test_a_mark_is_made_once() -> None:
    """Gone is gone; a card that is being measured is written again anyway."""
    assert fate_of_mark("gone", quant({})) == Fate()
    assert not fate_of_mark("gone", quant({}, base_gone="2026-01-01")).due
    assert fate_of_mark("renamed", quant({}, measuring=True)).left


@pytest.mark.parametrize(
    ("here", "other", "same"),
    [
        (None, None, True),
        (file_of("a", 1), None, False),
        (None, file_of("a", 1), False),
        (file_of("a", 1), file_of("a", 1), True),
        (file_of("a", 1), file_of("a", 2), False),
        (
            RepoFile(path="a", size=1, oid="p", sha256="s"),
            RepoFile(path="a", size=1, oid="x", sha256="s"),
            True,
        ),
        (
            RepoFile(path="a", size=1, oid="p", sha256="s"),
            RepoFile(path="a", size=1, oid="x", sha256="t"),
            False,
        ),
        (RepoFile(path="a", size=1, oid="p", sha256="s"), file_of("a", 1), True),
        (file_of("a", 1), RepoFile(path="a", size=1, sha256="s"), True),
        (RepoFile(path="a", size=2, oid="p", sha256="s"), file_of("a", 1), False),
    ],
)
def test_files_of_two_listings_are_alike_by_the_hash_that_both_have(
    here: RepoFile | None, other: RepoFile | None, same: bool
) -> None:
    """LFS by sha256, the others by git's id; without a common one the size, and the bytes at the commit."""
    assert alike(here, other) is same


def test_a_file_that_leaves_its_folder_is_refused() -> None:
    """A hostile listing is told as such, not followed."""
    with pytest.raises(UnsuitableBase, match="leaves its folder"):
        carried(base(NEW, {"../tokenizer.json": 1}))


def test_a_manifest_names_the_revision_of_the_weights_and_that_of_the_small_files() -> None:
    """After one patch and after the next; a rename and a loss leave both as they are."""
    patch = Patch(base=base(NEW, {}), before=OLD, kind="tokenizer", account="me", endpoint="https://hub")
    once = renewed_manifest(patch, quant({}), "2026-01-01")
    third = replace(patch, base=base("c" * 40, {}))

    assert (once.base_sha, once.weights_sha) == (NEW, OLD)
    assert once.revisions == {NEW, OLD}
    assert renewed_manifest(third, once, "2026-01-01").weights_sha == OLD
    assert quant({}).revisions == {OLD}


def test_the_same_change_is_the_same_run_whatever_is_left_of_it() -> None:
    """Asked again in the middle it joins; another change, account or name is another run."""
    patch = Patch(base=base(NEW, {}), before=OLD, kind="tokenizer", account="me", endpoint="https://hub")
    assert patch_id(patch) == patch_id(replace(patch, repos=("me/a",), files=("tokenizer.json",), before=NEW))
    others = [
        replace(patch, kind="gone"),
        replace(patch, account="you"),
        replace(patch, renamed_to="they/Other"),
    ]
    assert len({patch_id(each) for each in (patch, *others)}) == 4


def test_what_came_of_a_patch_is_one_sentence_that_names_the_first_quant_that_missed_it() -> None:
    """For the timeline and `bot status`; what failed comes before what was left alone."""
    repos = (
        PatchedRepo(repo="me/a", status="patched", commit=NEW),
        PatchedRepo(repo="me/b", status="left", error="somebody changed tokenizer.json by hand"),
        PatchedRepo(repo="me/c", status="failed", error="me/c cannot be reached: try again later"),
        PatchedRepo(repo="me/d", status="already", commit=NEW),
    )
    done = Patched(base="they/Base", sha=NEW, kind="tokenizer", repos=repos)

    assert done.told == (
        "they/Base is now at bbbbbbbbbbbb: 2 of 4 quants are brought up to date; me/c is not: cannot be "
        "reached: try again later"
    )
    assert [each.repo for each in done.undone] == ["me/c", "me/b"]
    assert replace(done, kind="gone", repos=repos[:1]).told.endswith("1 of 1 quants are brought up to date")
