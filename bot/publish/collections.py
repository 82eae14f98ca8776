"""Collections: created when missing, a repo added once, order kept."""

from __future__ import annotations

from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.records import Record

TITLE_LENGTH = 59
"""The Hub refuses titles of 60 characters and more."""


def add(door: HubDoor, account: str, title: str, repo: str, note: str) -> str:
    """Put the repo into the account's collection of that title. Returns the collection's slug."""
    title = title[:TITLE_LENGTH]
    what = f"the collection {title!r}"
    slug = _find(door, account, title)
    if slug is None:
        made = patiently(
            lambda: door.api.create_collection(title, namespace=account, private=False, exists_ok=True), what
        )
        slug = made.slug
    patiently(
        lambda: door.api.add_collection_item(slug, repo, "model", note=note[:500], exists_ok=True), what
    )
    return slug


def _find(door: HubDoor, account: str, title: str) -> str | None:
    listed = patiently(lambda: list(door.api.list_collections(owner=account, limit=100)), "the collections")
    return next((c.slug for c in listed if c.title == title), None)


class Listed(Record, frozen=True, kw_only=True):
    """One collection of an account. `updated`: Unix seconds of its last change."""

    slug: str
    title: str
    updated: float


def listed(door: HubDoor, account: str) -> tuple[Listed, ...]:
    """The account's collections that the token may see. One request, and one more for each hundred."""
    found = patiently(lambda: list(door.api.list_collections(owner=account, limit=1000)), "the collections")
    return tuple(Listed(slug=c.slug, title=c.title, updated=c.last_updated.timestamp()) for c in found)


def models(door: HubDoor, slug: str) -> tuple[str, ...]:
    """The models in a collection, in their order; other items are left out. One request."""
    found = patiently(lambda: door.api.get_collection(slug), "the collections")
    return tuple(item.item_id for item in found.items if item.item_type == "model")


def remove(door: HubDoor, account: str, repo: str) -> list[str]:
    """Take the repo out of every collection of the account. Returns their titles."""
    listed = patiently(
        lambda: list(door.api.list_collections(owner=account, item=f"models/{repo}", limit=100)),
        "the collections",
    )
    return [title for c in listed if (title := _remove_from(door, c.slug, repo)) is not None]


def _remove_from(door: HubDoor, slug: str, repo: str) -> str | None:
    """The collection's title when the repo was in it."""
    collection = patiently(lambda: door.api.get_collection(slug), "the collections")
    ids = [i.item_object_id for i in collection.items if (i.item_type, i.item_id) == ("model", repo)]
    for item in ids:
        _delete_item(door, slug, item)
    return collection.title if ids else None


def _delete_item(door: HubDoor, slug: str, item: str) -> None:
    patiently(lambda: door.api.delete_collection_item(slug, item, missing_ok=True), "the collections")
