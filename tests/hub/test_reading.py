"""Info, lists, trees and downloads, on this Hub and on the real one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_url,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils.sha import git_hash

from .conftest import Account
from .examples import CARD, model_folder


def test_what_is_missing_is_told_apart(account: Account, tmp_path: Path) -> None:
    """Missing repo, revision and file are three errors."""
    repo = account.new_repo()
    with pytest.raises(RepositoryNotFoundError):
        account.api.hf_hub_download(account.fresh(), "config.json", cache_dir=tmp_path)
    with pytest.raises(RevisionNotFoundError):
        account.api.hf_hub_download(repo, "config.json", revision="nowhere", cache_dir=tmp_path)
    with pytest.raises(EntryNotFoundError):
        account.api.hf_hub_download(repo, "config.json", cache_dir=tmp_path)
    with pytest.raises(EntryNotFoundError):
        list(account.api.list_repo_tree(repo, "nofolder"))
    assert not account.api.file_exists(repo, "config.json")
    assert not account.api.revision_exists(repo, "nowhere")


def test_a_download_starts_where_it_stopped(account: Account) -> None:
    """A file's metadata says commit, ETag and size; ranges and conditional requests are obeyed."""
    repo = account.new_repo()
    content = os.urandom(50_000)
    commit = account.api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=repo)
    url = hf_hub_url(repo, "a.bin", endpoint=account.api.endpoint)
    meta = get_hf_file_metadata(url, token=account.api.token)
    assert (meta.commit_hash, meta.etag, meta.size) == (
        commit.oid, hashlib.sha256(content).hexdigest(), len(content),
    )  # fmt: skip
    with httpx2.Client(follow_redirects=True) as http:
        part = http.get(url, headers={"Range": "bytes=49000-"})
        assert (part.status_code, part.content) == (206, content[49_000:])
        assert part.headers["content-range"] == "bytes 49000-49999/50000"
        beyond = http.get(url, headers={"Range": "bytes=60000-"})
        assert beyond.status_code == 416


def test_a_regular_files_etag_is_its_git_id(account: Account) -> None:
    """For a small file the ETag is git's blob id, and asking again with it costs no transfer."""
    repo = account.new_repo()
    account.api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    url = hf_hub_url(repo, "config.json", endpoint=account.api.endpoint)
    with httpx2.Client(follow_redirects=True) as http:
        etag = http.get(url).headers["etag"]
        assert etag.strip('"') == git_hash(b"{}")
        assert http.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_the_tree_is_told_by_folder_and_whole(account: Account, tmp_path: Path) -> None:
    """list_repo_tree gives one level or all, with the last commit of each when expanded."""
    repo = account.new_repo()
    model_folder(tmp_path)
    upload = account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    top = list(account.api.list_repo_tree(repo))
    assert {e.path for e in top if isinstance(e, RepoFolder)} == {"extra"}
    [inner] = account.api.list_repo_tree(repo, "extra", expand=True)
    assert inner.path == "extra/table.parquet"
    assert inner.last_commit is not None
    assert inner.last_commit.oid == upload.oid
    assert "extra/table.parquet" in {e.path for e in account.api.list_repo_tree(repo, recursive=True)}


def test_paths_info_leaves_out_what_is_not_there(account: Account, tmp_path: Path) -> None:
    """get_paths_info answers for files and folders that exist and is silent on others."""
    repo = account.new_repo()
    model_folder(tmp_path)
    account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    found = account.api.get_paths_info(repo, ["extra", "README.md", "none.txt"])
    assert {e.path: type(e) for e in found} == {"extra": RepoFolder, "README.md": RepoFile}


def test_model_info_reads_the_card_and_the_config(account: Account, tmp_path: Path) -> None:
    """model_info derives tags, library, pipeline and base model from card and config."""
    repo = account.new_repo()
    files = model_folder(tmp_path)
    account.api.upload_folder(repo_id=repo, folder_path=tmp_path)
    info = account.api.model_info(repo, files_metadata=True)
    assert info.card_data is not None
    assert info.card_data.license == "apache-2.0"
    assert info.card_data.language == ["en", "no"]
    assert (info.library_name, info.pipeline_tag) == ("mlx", "text-generation")
    assert info.tags is not None
    assert {
        "mlx", "safetensors", "qwen3", "license:apache-2.0", "en", "base_model:acme/base",
        "base_model:quantized:acme/base",
    } <= set(info.tags)  # fmt: skip
    assert info.siblings is not None
    weights = next(s for s in info.siblings if s.rfilename == "model.safetensors")
    assert weights.size == 200_000
    assert weights.lfs is not None
    assert weights.lfs.sha256 == hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert info.config is not None
    assert info.config["model_type"] == "qwen3"
    only = account.api.model_info(repo, expand=["cardData", "sha"])
    assert only.card_data is not None
    assert (only.sha, only.siblings) == (info.sha, None)


def test_a_dataset_has_its_own_address(account: Account) -> None:
    """A dataset and a model may share a name; info, files and refs are apart."""
    repo = account.new_repo("dataset")
    account.api.upload_file(
        path_or_fileobj=b"a\n1\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset"
    )
    assert "a.csv" in account.api.list_repo_files(repo, repo_type="dataset")
    assert account.api.dataset_info(repo).id == repo
    with pytest.raises(RepositoryNotFoundError):
        account.api.model_info(repo)


def test_models_are_listed_by_author(account: Account) -> None:
    """list_models finds an author's models by search and tag, newest first, page by page."""
    repos = [account.new_repo() for _ in range(3)]
    account.api.upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id=repos[1])
    names = [m.id for m in account.api.list_models(author=account.namespace, sort="last_modified", limit=3)]
    assert names == [repos[1], repos[2], repos[0]]
    search = repos[0].split("/")[1]
    assert [m.id for m in account.api.list_models(author=account.namespace, search=search)] == [repos[0]]
    tagged = account.api.list_models(author=account.namespace, filter=["mlx", "base_model:acme/base"])
    assert repos[1] in [m.id for m in tagged]
    [full] = account.api.list_models(author=account.namespace, search=repos[1].split("/")[1], full=True)
    assert full.sha == account.api.model_info(repos[1]).sha


def test_private_models_are_listed_for_their_owner(account: Account) -> None:
    """A private repo is in its owner's list and in nobody else's."""
    repo = account.new_repo(private=True)
    mine = account.api.list_models(author=account.namespace, search=repo.split("/")[1])
    theirs = account.anonymous.list_models(author=account.namespace, search=repo.split("/")[1])
    assert ([m.id for m in mine], [m.id for m in theirs]) == ([repo], [])
