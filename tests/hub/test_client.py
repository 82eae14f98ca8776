"""What the real client may rely on, on this Hub and on the real one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    get_hf_file_metadata,
    hf_hub_url,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils.sha import git_hash

from .conftest import Account

CARD = """---
license: apache-2.0
language: [en, no]
library_name: mlx
pipeline_tag: text-generation
base_model: acme/base
base_model_relation: quantized
tags: [mlx]
date: 2024-05-01
---
# A quant
"""


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def model_folder(folder: Path) -> dict[str, bytes]:
    """A folder with a card, a config, two large files (one in a subfolder) and an empty one."""
    files = {
        "README.md": CARD.encode(),
        "config.json": b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}',
        "model.safetensors": os.urandom(200_000),
        "extra/table.parquet": os.urandom(5_000),
        "empty.txt": b"",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


# ------------------------------------------------------------------ repos


def test_a_repo_is_created_once(account: Account) -> None:
    """Creating a repo twice is a conflict, unless the caller says it may be there."""
    repo = account.new_repo()
    with pytest.raises(HfHubHTTPError) as error:
        account.api.create_repo(repo)
    assert status(error) == 409
    assert account.api.create_repo(repo, exist_ok=True).repo_id == repo


def test_a_deleted_repo_is_gone(account: Account) -> None:
    """After delete_repo nobody finds the repo, and deleting it again is an error unless allowed."""
    repo = account.new_repo()
    account.api.delete_repo(repo)
    assert not account.api.repo_exists(repo)
    with pytest.raises(RepositoryNotFoundError):
        account.api.delete_repo(repo)
    account.api.delete_repo(repo, missing_ok=True)


def test_a_moved_repo_keeps_its_history(account: Account) -> None:
    """move_repo changes the name and nothing else."""
    repo, target = account.new_repo(), account.fresh()
    head = account.api.model_info(repo).sha
    account.api.move_repo(repo, target)
    assert account.api.model_info(target).sha == head


def test_a_private_repo_is_there_for_its_owner_only(account: Account, stranger: HfApi) -> None:
    """A private repo looks missing to others, and public is public at once."""
    repo = account.new_repo(private=True)
    assert account.api.model_info(repo).private
    for other in (account.anonymous, stranger):
        with pytest.raises(RepositoryNotFoundError):
            other.model_info(repo)
    account.api.update_repo_settings(repo, private=False)
    assert account.anonymous.model_info(repo).private is False


def test_nobody_writes_in_a_namespace_that_is_not_theirs(account: Account, stranger: HfApi) -> None:
    """Writing to another's public repo, or creating in another's namespace, is forbidden."""
    repo = account.new_repo()
    with pytest.raises(HfHubHTTPError) as error:
        stranger.create_repo(account.fresh())
    assert status(error) == 403
    with pytest.raises(HfHubHTTPError) as error:
        stranger.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    assert status(error) == 403
    with pytest.raises(HfHubHTTPError) as error:
        stranger.update_repo_settings(repo, private=True)
    assert status(error) == 403


def test_a_wrong_token_is_refused(account: Account) -> None:
    """A token the Hub does not know gets 401, also where no token would have been needed."""
    repo = account.new_repo()
    wrong = HfApi(endpoint=account.api.endpoint, token="wrong_token")
    with pytest.raises(HfHubHTTPError) as error:
        wrong.whoami()
    assert status(error) == 401
    with pytest.raises(HfHubHTTPError) as error:
        wrong.model_info(repo)
    assert status(error) == 401


def test_the_token_says_who_we_are(account: Account) -> None:
    """whoami names the account and what its token may do."""
    me = account.api.whoami()
    orgs = [org["name"] for org in me["orgs"]]
    assert account.namespace in [me["name"], *orgs]
    assert me["auth"]["accessToken"]["role"] in ("write", "fineGrained")


def test_files_of_a_gated_repo_need_permission(account: Account, stranger: HfApi, tmp_path: Path) -> None:
    """Gating leaves a repo's info readable and its files to those who were let in."""
    repo = account.new_repo()
    account.api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    account.api.update_repo_settings(repo, gated="manual")
    assert stranger.model_info(repo).gated == "manual"
    for other in (stranger, account.anonymous):
        with pytest.raises(GatedRepoError):
            other.hf_hub_download(repo, "config.json", cache_dir=tmp_path / "others")
    assert account.api.hf_hub_download(repo, "config.json", cache_dir=tmp_path / "own")


# ------------------------------------------------------------------ commits


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


# ------------------------------------------------------------------ refs


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


# ------------------------------------------------------------------ reading


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
