"""Commits, branches and tags, on this Hub and on the real one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.sha import git_hash

from .conftest import Account
from .examples import model_folder, status


def test_an_uploaded_folder_comes_back_as_it_was(account: Account, tmp_path: Path) -> None:
    """upload_folder, then snapshot_download: same files, same bytes; the Hub's hashes are theirs."""
    repo = account.new_repo()
    files = model_folder(tmp_path / "model")
    commit = account.api.upload_folder(repo_id=repo, folder_path=tmp_path / "model")
    there = {f.path: f for f in account.api.list_repo_tree(repo, recursive=True) if isinstance(f, RepoFile)}
    assert set(there) == {*files, ".gitattributes"}
    for name, content in files.items():
        assert there[name].size == len(content)
        if name.endswith((".safetensors", ".parquet")):
            lfs = there[name].lfs
            assert lfs is not None
            assert lfs.sha256 == hashlib.sha256(content).hexdigest()
        else:
            assert there[name].lfs is None
            assert there[name].blob_id == git_hash(content)
    copy = Path(account.api.snapshot_download(repo, cache_dir=tmp_path / "cache"))
    assert copy.name == commit.oid
    assert all((copy / name).read_bytes() == content for name, content in files.items())
    account.api.verify_repo_checksums(repo, cache_dir=tmp_path / "cache")


def test_uploading_the_same_again_makes_no_commit(account: Account, tmp_path: Path) -> None:
    """An upload of what is there already leaves the history as it is."""
    repo = account.new_repo()
    model_folder(tmp_path)
    first = account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    again = account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    assert again.oid == first.oid
    assert len(account.api.list_repo_commits(repo)) == 2


def test_a_commit_on_an_old_parent_is_refused(account: Account) -> None:
    """parent_commit guards a commit: 412 once the branch has moved on."""
    repo = account.new_repo()
    start = account.api.model_info(repo).sha
    account.api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo, parent_commit=start)
    with pytest.raises(HfHubHTTPError) as error:
        account.api.upload_file(path_or_fileobj=b"2", path_in_repo="a.txt", repo_id=repo, parent_commit=start)
    assert status(error) == 412
    assert not account.api.file_exists(repo, "b.txt")


def test_files_are_copied_from_a_branch_in_one_commit(account: Account, tmp_path: Path) -> None:
    """Staged on a branch, copied to main with deletions in one guarded commit: how a public repo changes."""
    repo = account.new_repo()
    account.api.upload_file(path_or_fileobj=b"old", path_in_repo="old.bin", repo_id=repo)
    account.api.create_branch(repo, branch="staging/v2")
    files = model_folder(tmp_path)
    staged = account.api.upload_folder(repo_id=repo, folder_path=tmp_path, revision="staging/v2")
    main = account.api.model_info(repo).sha
    names = [name for name, content in files.items() if content]
    done = account.api.create_commit(
        repo,
        [CommitOperationCopy(name, name, src_revision=staged.oid) for name in names]
        + [CommitOperationDelete("old.bin")],
        commit_message="Release v2",
        parent_commit=main,
    )
    there = {f.path: f for f in account.api.list_repo_tree(repo, recursive=True) if isinstance(f, RepoFile)}
    assert set(there) == {*names, ".gitattributes"}
    lfs = there["model.safetensors"].lfs
    assert lfs is not None
    assert lfs.sha256 == hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert account.api.model_info(repo).sha == done.oid
    account.api.delete_branch(repo, branch="staging/v2")
    assert [b.name for b in account.api.list_repo_refs(repo).branches] == ["main"]


def test_files_and_folders_are_deleted(account: Account, tmp_path: Path) -> None:
    """A deletion takes a file or a whole folder, and deleting what is not there is an error."""
    repo = account.new_repo()
    model_folder(tmp_path)
    account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    account.api.delete_folder("extra", repo_id=repo)
    account.api.delete_file("empty.txt", repo_id=repo)
    assert sorted(account.api.list_repo_files(repo)) == [
        ".gitattributes", "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip
    with pytest.raises(EntryNotFoundError):
        account.api.delete_file("never.txt", repo_id=repo)


def test_stale_files_go_with_the_upload_that_replaces_them(account: Account, tmp_path: Path) -> None:
    """delete_patterns removes old shards in the commit that brings the new ones."""
    repo = account.new_repo()
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        account.api.upload_file(path_or_fileobj=os.urandom(10), path_in_repo=name, repo_id=repo)
    (tmp_path / "model.safetensors").write_bytes(b"new")
    account.api.upload_folder(repo_id=repo, folder_path=tmp_path, delete_patterns="*.safetensors")
    assert sorted(account.api.list_repo_files(repo)) == [".gitattributes", "model.safetensors"]


def test_a_large_file_no_rule_covers_gets_its_own_rule(account: Account) -> None:
    """A binary file outside the LFS patterns goes to LFS and .gitattributes says so."""
    repo = account.new_repo()
    account.api.upload_file(path_or_fileobj=b"\0\1" * 6_000_000, path_in_repo="odd.dat", repo_id=repo)
    [info] = account.api.get_paths_info(repo, "odd.dat")
    assert isinstance(info, RepoFile)
    assert info.lfs is not None
    rules = Path(account.api.hf_hub_download(repo, ".gitattributes")).read_text()
    assert "odd.dat filter=lfs diff=lfs merge=lfs -text" in rules.splitlines()


def test_a_card_with_bad_metadata_is_refused(account: Account) -> None:
    """Metadata that is no YAML, or names a license nobody knows, never reaches the Hub."""
    repo = account.new_repo()
    for front in ("license: [", "license: my-own-license"):
        with pytest.raises(ValueError, match="Invalid metadata"):
            account.api.upload_file(
                path_or_fileobj=f"---\n{front}\n---\n".encode(), path_in_repo="README.md", repo_id=repo
            )
    assert not account.api.file_exists(repo, "README.md")


def test_the_history_is_told_newest_first(account: Account) -> None:
    """list_repo_commits gives every commit with title, description and author."""
    repo = account.new_repo()
    for n in range(3):
        account.api.create_commit(
            repo, [CommitOperationAdd("n.txt", str(n).encode())], commit_message=f"n is {n}",
            commit_description="counted",
        )  # fmt: skip
    commits = account.api.list_repo_commits(repo)
    assert [c.title for c in commits] == ["n is 2", "n is 1", "n is 0", "initial commit"]
    assert commits[0].message == "counted"
    assert commits[0].authors == [account.api.whoami()["name"]]


def test_branches_and_tags_name_commits(account: Account) -> None:
    """A branch, a tag with a slash and a commit id all resolve; what is not there does not."""
    repo = account.new_repo()
    first = account.api.model_info(repo).sha
    assert first is not None
    account.api.create_tag(repo, tag="v1/a")
    account.api.create_branch(repo, branch="dev")
    second = account.api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo).oid
    account.api.create_branch(repo, branch="later", revision=second)
    for revision, commit in (("v1/a", first), ("dev", first), ("later", second), (second, second)):
        assert account.api.model_info(repo, revision=revision).sha == commit
    refs = account.api.list_repo_refs(repo)
    assert {b.name: b.target_commit for b in refs.branches} == {"main": second, "dev": first, "later": second}
    assert [(t.name, t.ref, t.target_commit) for t in refs.tags] == [("v1/a", "refs/tags/v1/a", first)]
    account.api.delete_tag(repo, tag="v1/a")
    for revision in ("v1/a", "f" * 40):
        with pytest.raises(RevisionNotFoundError):
            account.api.model_info(repo, revision=revision)


def test_a_branch_or_tag_is_made_once(account: Account) -> None:
    """Making a ref twice is a conflict unless allowed; from a missing revision it is not found."""
    repo = account.new_repo()
    account.api.create_branch(repo, branch="dev")
    account.api.create_branch(repo, branch="dev", exist_ok=True)
    account.api.create_tag(repo, tag="v1")
    with pytest.raises(HfHubHTTPError) as error:
        account.api.create_branch(repo, branch="dev")
    assert status(error) == 409
    with pytest.raises(HfHubHTTPError) as error:
        account.api.create_tag(repo, tag="v1")
    assert status(error) == 409
    with pytest.raises(RevisionNotFoundError):
        account.api.create_branch(repo, branch="other", revision="nowhere")
