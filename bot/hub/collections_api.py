"""Collections over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from bot.hub import describe
from bot.hub.answers import Refused, answer
from bot.hub.call import KINDS, Call
from bot.hub.collections_store import Item, StoredCollection

PAGE = 100
SHOWN_IN_LISTS = 4
"""Items of a collection in a list of collections, as on the real Hub."""


def _slug(call: Call) -> str:
    return f"{call.params['owner']}/{call.params['slug']}"


def _shown(call: Call, collection: StoredCollection, most: int | None = None) -> dict[str, Any]:
    items = [
        item
        for place, stored in enumerate(collection.items)
        if (item := _shown_item(call, stored, place)) is not None
    ]
    owner = {
        "_id": describe.object_id("user", collection.owner), "avatarUrl": "", "fullname": collection.owner,
        "name": collection.owner, "type": "user",
    }  # fmt: skip
    return {
        "_id": collection.id, "slug": collection.slug, "title": collection.title,
        "description": collection.description or None, "gating": False, "lastUpdated": collection.updated,
        "owner": owner, "theme": collection.theme, "private": collection.private, "upvotes": 0,
        "isUpvotedByUser": False, "items": items[:most],
        "shareUrl": f"{call.base}/collections/{collection.slug}",
    }  # fmt: skip


def _shown_item(call: Call, item: Item, place: int) -> dict[str, Any] | None:
    """An item with what is known of its repo; None when the repo is gone or not for the caller."""
    shown: dict[str, Any] = {"_id": item.id, "position": place, "type": item.type, "id": item.item}
    if item.note is not None:
        shown["note"] = {"text": item.note, "html": ""}
    kind = KINDS.get(f"{item.type}s")
    if kind is None:
        return shown
    try:
        settings = call.readable(kind, item.item)
    except Refused:
        return None
    head = call.store.commit_at(kind, item.item)
    return shown | {
        "author": item.item.split("/")[0], "repoType": kind, "private": settings.private,
        "gated": settings.gated, "downloads": settings.downloads, "likes": settings.likes,
        "lastModified": head.date, "isLikedByUser": False,
    }  # fmt: skip


def _whole(call: Call, collection: StoredCollection) -> dict[str, Any]:
    return _shown(call, collection) | {"position": collection.position}


def _readable(call: Call, slug: str) -> StoredCollection:
    collection = call.hub.collections.get(slug)
    if collection.private and not call.owns(collection.owner):
        raise Refused(404, "Collection not found")
    return collection


def _writable(call: Call) -> str:
    slug = _slug(call)
    call.logged_in()
    collection = _readable(call, slug)
    call.owner_only(collection.owner, "change a collection")
    return slug


def list_collections(call: Call) -> Response:
    owners, items = call.values("owner"), call.values("item")
    found = [
        c
        for c in call.hub.collections.all()
        if (not owners or c.owner in owners)
        and (not items or any(f"{i.type}s/{i.item}" in items for i in c.items))
        and (not c.private or call.owns(c.owner))
    ]
    found.sort(key=lambda c: c.updated, reverse=True)
    shown, link = call.page(found, call.number("limit", PAGE, PAGE))
    return answer([_shown(call, c, SHOWN_IN_LISTS) for c in shown], headers=link)


def create(call: Call) -> Response:
    data = call.json()
    owner = str(data.get("namespace") or call.logged_in())
    call.owner_only(owner, "create a collection")
    made = call.hub.collections.create(
        owner, str(data.get("title") or ""), str(data.get("description") or ""),
        private=bool(data.get("private")),
    )  # fmt: skip
    return answer(_whole(call, made))


def get(call: Call) -> Response:
    return answer(_whole(call, _readable(call, _slug(call))))


def update(call: Call) -> Response:
    slug, data = _writable(call), call.json()
    changed = call.hub.collections.update(
        slug, title=data.get("title"), description=data.get("description"), private=data.get("private"),
        theme=data.get("theme"), position=data.get("position"),
    )  # fmt: skip
    return answer({"success": True, "data": _whole(call, changed)})


def delete(call: Call) -> Response:
    call.hub.collections.delete(_writable(call))
    return answer({"success": True})


def add_item(call: Call) -> Response:
    slug, data = _writable(call), call.json()
    item = data.get("item")
    if not isinstance(item, dict):
        raise Refused(400, '"item" must be an object of id and type')
    type_, name = str(item.get("type")), str(item.get("id"))
    kind = KINDS.get(f"{type_}s")
    if kind is not None:
        call.readable(kind, name)
    elif type_ not in ("paper", "space", "collection", "bucket"):
        raise Refused(400, f"a collection holds no {type_!r}")
    return answer(_whole(call, call.hub.collections.add(slug, name, type_, data.get("note"))))


def update_item(call: Call) -> Response:
    slug, data = _writable(call), call.json()
    position = data.get("position")
    if position is not None and not isinstance(position, int):
        raise Refused(400, '"position" must be a whole number')
    call.hub.collections.update_item(slug, call.params["item"], data.get("note"), position)
    return answer({"success": True})


def delete_item(call: Call) -> Response:
    call.hub.collections.remove(_writable(call), call.params["item"])
    return answer({"success": True})
