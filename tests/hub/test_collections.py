"""Collections, on this Hub and on the real one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import Collection

from .conftest import Account
from .examples import status


@pytest.fixture
def collection(account: Account) -> Iterator[Collection]:
    """A fresh collection, deleted afterwards."""
    made = account.api.create_collection(
        f"Quants {uuid.uuid4().hex[:8]}", namespace=account.namespace, description="of one family"
    )
    yield made
    account.api.delete_collection(made.slug, missing_ok=True)


def test_a_collection_is_made_once(account: Account, collection: Collection) -> None:
    """The same title again is a conflict; with exists_ok the first one comes back."""
    with pytest.raises(HfHubHTTPError) as error:
        account.api.create_collection(collection.title, namespace=account.namespace)
    assert status(error) == 409
    again = account.api.create_collection(collection.title, namespace=account.namespace, exists_ok=True)
    assert (again.slug, again.description) == (collection.slug, "of one family")


def test_items_are_added_moved_and_removed(account: Account, collection: Collection) -> None:
    """A collection keeps its order, takes each repo once, and moves an item where it is told."""
    repos = [account.new_repo() for _ in range(3)]
    for repo in repos:
        account.api.add_collection_item(collection.slug, repo, "model", note=f"note on {repo}")
    with pytest.raises(HfHubHTTPError) as error:
        account.api.add_collection_item(collection.slug, repos[0], "model")
    assert status(error) == 409
    account.api.add_collection_item(collection.slug, repos[0], "model", exists_ok=True)
    items = account.api.get_collection(collection.slug).items
    assert [(i.item_id, i.note) for i in items] == [(r, f"note on {r}") for r in repos]
    account.api.update_collection_item(collection.slug, items[2].item_object_id, position=0, note="first")
    items = account.api.get_collection(collection.slug).items
    assert [i.item_id for i in items] == [repos[2], repos[0], repos[1]]
    assert items[0].note == "first"
    account.api.delete_collection_item(collection.slug, items[1].item_object_id)
    left = account.api.get_collection(collection.slug).items
    assert [i.item_id for i in left] == [repos[2], repos[1]]


def test_a_missing_repo_cannot_be_collected(account: Account, collection: Collection) -> None:
    """Adding a repo that is not there is an error, and so is removing an item that is not."""
    with pytest.raises(HfHubHTTPError) as error:
        account.api.add_collection_item(collection.slug, account.fresh(), "model")
    assert status(error) == 404
    with pytest.raises(HfHubHTTPError) as error:
        account.api.delete_collection_item(collection.slug, "0" * 24)
    assert status(error) == 404
    account.api.delete_collection_item(collection.slug, "0" * 24, missing_ok=True)


def test_an_owners_collections_are_listed(account: Account, collection: Collection) -> None:
    """list_collections finds them by owner and by what is in them."""
    repo = account.new_repo()
    account.api.add_collection_item(collection.slug, repo, "model")
    by_owner = [c.slug for c in account.api.list_collections(owner=account.namespace)]
    by_item = [c.slug for c in account.api.list_collections(item=f"models/{repo}")]
    assert collection.slug in by_owner
    assert by_item == [collection.slug]


def test_a_renamed_collection_is_found_by_its_old_slug(account: Account, collection: Collection) -> None:
    """The title and the slug's words may change; the id at its end finds it."""
    title = f"Renamed {uuid.uuid4().hex[:8]}"
    renamed = account.api.update_collection_metadata(collection.slug, title=title)
    assert renamed.slug != collection.slug
    assert account.api.get_collection(collection.slug).title == title


def test_a_deleted_collection_is_gone(account: Account, collection: Collection) -> None:
    """Deleting it twice is an error unless allowed."""
    account.api.delete_collection(collection.slug)
    with pytest.raises(HfHubHTTPError) as error:
        account.api.delete_collection(collection.slug)
    assert status(error) == 404
    account.api.delete_collection(collection.slug, missing_ok=True)


def test_private_collections_and_items_are_not_shown_to_others(
    account: Account, collection: Collection, stranger: HfApi
) -> None:
    """Others neither see private collections or the private repos of a public one, nor change anything."""
    public, hidden = account.new_repo(), account.new_repo(private=True)
    for repo in (public, hidden):
        account.api.add_collection_item(collection.slug, repo, "model")
    assert [i.item_id for i in account.anonymous.get_collection(collection.slug).items] == [public]
    with pytest.raises(HfHubHTTPError) as error:
        stranger.delete_collection(collection.slug)
    assert status(error) == 403
    account.api.update_collection_metadata(collection.slug, private=True)
    with pytest.raises(HfHubHTTPError) as error:
        stranger.get_collection(collection.slug)
    assert status(error) == 404
