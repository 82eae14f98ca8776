"""Collections as files: `collections/OWNER/SLUG.json`, replaced whole at each change."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bot.hub.answers import Refused
from bot.hub.history import now
from bot.hub.names import is_user
from bot.hub.objects import write_record
from bot.hub.store import Store
from bot.records import Record

_ID = re.compile(r"[0-9a-f]{24}")
MAX_TITLE = 60
MAX_NOTE = 500


class Item(Record, frozen=True):
    """One entry: `type` is model, dataset, paper, …; `item` the repo id."""

    id: str
    item: str
    type: str
    note: str | None = None


class StoredCollection(Record, frozen=True):
    """A collection; the place of an item is its index."""

    id: str
    owner: str
    title: str
    updated: str
    description: str = ""
    private: bool = False
    theme: str = "blue"
    position: int = 0
    items: tuple[Item, ...] = ()

    @property
    def slug(self) -> str:
        """`owner/title-words-id`: the words change with the title, the id stays."""
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.owner}/{words}-{self.id}" if words else f"{self.owner}/{self.id}"


def _missing() -> Refused:
    return Refused(404, "Collection not found")


class CollectionStore:
    """The collections of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._root = store.root / "collections"

    def all(self) -> list[StoredCollection]:
        """Every collection, in the order of their files."""
        return [_read(path) for path in sorted(self._root.glob("*/*.json"))]

    def get(self, slug: str) -> StoredCollection:
        """By its slug; only owner and trailing id count. Refused (404) when it is not there."""
        return _read(self._path(slug))

    def create(
        self, owner: str, title: str, description: str = "", *, private: bool = False
    ) -> StoredCollection:
        """A new one. Refused: 409 (with the slug) where the owner has that title, 400 for a bad title."""
        _check_title(title)
        with self._store.lock("collections", owner):
            for other in self.all():
                if other.owner == owner and other.title == title:
                    raise Refused(409, f"You already have a collection {title!r}", extra={"slug": other.slug})
            made = StoredCollection(
                id=secrets.token_hex(12), owner=owner, title=title, updated=now(), description=description,
                private=private,
            )  # fmt: skip
            self._write(made)
        return made

    def update(
        self, slug: str, *, title: str | None = None, description: str | None = None,
        private: bool | None = None, theme: str | None = None, position: int | None = None,
    ) -> StoredCollection:  # fmt: skip
        """Change what is given."""
        if title is not None:
            _check_title(title)
        given = {
            "title": title,
            "description": description,
            "private": private,
            "theme": theme,
            "position": position,
        }
        with self._changing(slug) as old:
            return self._replace(old, {k: v for k, v in given.items() if v is not None})

    def delete(self, slug: str) -> None:
        with self._changing(slug):
            self._path(slug).unlink()

    def add(self, slug: str, item: str, type_: str, note: str | None) -> StoredCollection:
        """Append an item. Refused (409) when it is in already."""
        with self._changing(slug) as old:
            if any(i.item == item and i.type == type_ for i in old.items):
                raise Refused(409, f"{item} is already in this collection")
            new = Item(id=secrets.token_hex(12), item=item, type=type_, note=_checked_note(note))
            return self._replace(old, {"items": (*old.items, new)})

    def update_item(
        self, slug: str, item_id: str, note: str | None, position: int | None
    ) -> StoredCollection:
        """Change an item's note, or move it to `position` (from 0)."""
        with self._changing(slug) as old:
            item = _item(old, item_id)
            items = list(old.items)
            place = items.index(item)
            items.pop(place)
            if note is not None:
                item = msgspec.structs.replace(item, note=_checked_note(note))
            items.insert(place if position is None else max(0, position), item)
            return self._replace(old, {"items": tuple(items)})

    def remove(self, slug: str, item_id: str) -> StoredCollection:
        with self._changing(slug) as old:
            gone = _item(old, item_id)
            return self._replace(old, {"items": tuple(i for i in old.items if i != gone)})

    def _path(self, slug: str) -> Path:
        owner, _, name = slug.partition("/")
        id_ = name.rsplit("-", 1)[-1]
        if is_user(owner) and _ID.fullmatch(id_):
            for path in (self._root / owner).glob(f"*{id_}.json"):
                return path
        raise _missing()

    @contextmanager
    def _changing(self, slug: str) -> Iterator[StoredCollection]:
        owner = self.get(slug).owner
        with self._store.lock("collections", owner):
            yield self.get(slug)

    def _replace(self, old: StoredCollection, changes: dict[str, object]) -> StoredCollection:
        new: StoredCollection = msgspec.structs.replace(old, **changes, updated=now())
        self._write(new)
        if new.slug != old.slug:
            (self._root / f"{old.slug}.json").unlink(missing_ok=True)
        return new

    def _write(self, collection: StoredCollection) -> None:
        write_record(self._root / f"{collection.slug}.json", collection, self._store.objects.scratch)


def _read(path: Path) -> StoredCollection:
    try:
        return msgspec.json.decode(path.read_bytes(), type=StoredCollection)
    except FileNotFoundError:
        raise _missing() from None


def _item(collection: StoredCollection, item_id: str) -> Item:
    for item in collection.items:
        if item.id == item_id:
            return item
    raise Refused(404, "Item not found in this collection")


def _check_title(title: str) -> None:
    if not title or len(title) > MAX_TITLE:
        raise Refused(400, f'"title" must have 1 to {MAX_TITLE} characters')


def _checked_note(note: str | None) -> str | None:
    if note is not None and len(note) > MAX_NOTE:
        raise Refused(400, f'"note" must have at most {MAX_NOTE} characters')
    return note
