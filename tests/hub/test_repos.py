"""Repos and who may do what with them, on this Hub and on the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import (
    HfApi,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)

from .conftest import Account
from .examples import status


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
