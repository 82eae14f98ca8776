"""Ids are git's own."""

from __future__ import annotations

from pathlib import Path

from git import Repo
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hub import gitids
from bot.hub.history import make_commit, regular_entry

SEGMENT = st.sampled_from(["a", "b", "a.txt", "a-b", "a0", "ab", "z"])
FILES = st.dictionaries(
    st.lists(SEGMENT, min_size=1, max_size=3).map("/".join), st.binary(max_size=20), min_size=1, max_size=6
).filter(lambda files: not any(other.startswith(f"{path}/") for path in files for other in files))


@settings(max_examples=15, deadline=None)
@given(FILES)
def test_tree_and_commit_ids_are_those_git_gives(files: dict[str, bytes]) -> None:
    """A repo's root tree and its first commit have the ids `git` computes for the same files."""
    import tempfile

    entries = {path: regular_entry(content, "0" * 64) for path, content in files.items()}
    commit = make_commit(None, entries, "first", "why", "ann", "2026-01-02T03:04:05.678Z")
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo.init(folder)
        for path, content in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(content)
        repo.git.add(".", force=True)
        tree = repo.git.write_tree()
        when = {"GIT_AUTHOR_DATE": "1767323045 +0000", "GIT_COMMITTER_DATE": "1767323045 +0000"}
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", "ann"), ("EMAIL", "ann@users.noreply"))
        }
        git_commit = repo.git.commit_tree(tree, "-m", "first", "-m", "why", env={**when, **who})
        repo.close()
    assert commit.trees[""] == tree
    assert commit.id == git_commit


def test_a_pointer_is_what_git_lfs_writes() -> None:
    """The pointer's text is the one of the git-lfs specification."""
    sha256 = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    assert gitids.lfs_pointer(sha256, 12345) == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 12345\n".encode()
    )
