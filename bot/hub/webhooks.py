"""Webhooks: who is told of what happens to which repo, and the telling.

The format is the Hub's: https://huggingface.co/docs/hub/webhooks. A loopback Hub tells this machine only.
"""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bot.hub.answers import Refused
from bot.hub.describe import object_id
from bot.hub.objects import write_record
from bot.hub.reading import Kind
from bot.hub.store import Store
from bot.records import Record

PATIENCE = 10.0
"""Seconds that a receiver has for its answer."""


class Event(NamedTuple):
    """What happened. `scope`: repo, repo.content or repo.config."""

    action: str
    scope: str


class Watched(Record, frozen=True):
    """A user or organization with all its repos, or one repo."""

    type: str
    name: str


class Webhook(Record, frozen=True):
    """One receiver. `secret` is sent to it in X-Webhook-Secret, and shown to `owner` alone."""

    id: str
    owner: str
    url: str
    watched: tuple[Watched, ...]
    domains: tuple[str, ...] = ("repo", "discussion")
    secret: str | None = None
    disabled: bool = False

    def wants(self, kind: Kind, repo: str) -> bool:
        """Whether this receiver is told of that repo's events."""
        names = {("user", repo.split("/")[0]), ("org", repo.split("/")[0]), (kind, repo)}
        watched = any((item.type, item.name) in names for item in self.watched)
        return watched and "repo" in self.domains and not self.disabled


class Delivered(Record, frozen=True):
    """One delivery: `status` is 0 where nobody answered."""

    webhook: str
    event: str
    repo: str
    status: int


class Webhooks:
    """The webhooks of one Hub, kept as files. Deliveries leave one after the other, in order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.root / "webhooks"
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self.delivered: deque[Delivered] = deque(maxlen=1000)

    def all_of(self, owner: str | None = None) -> list[Webhook]:
        """The webhooks (of one owner), oldest first."""
        paths = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        found = [msgspec.json.decode(path.read_bytes(), type=Webhook) for path in paths]
        return [webhook for webhook in found if owner in (None, webhook.owner)]

    def keep(self, webhook: Webhook) -> None:
        write_record(self._path(webhook.id), webhook, self._store.objects.scratch)
        self._path(webhook.id).chmod(0o600)

    def forget(self, webhook: Webhook) -> None:
        self._path(webhook.id).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def announce(
        self, base: str, event: Event, kind: Kind, repo: str, *, private: bool | None, more: dict[str, Any]
    ) -> None:
        """Tell everybody who wants to know; returns before they are told."""
        receivers = [webhook for webhook in self.all_of() if webhook.wants(kind, repo)]
        if not receivers:
            return
        told = {
            "event": {"action": event.action, "scope": event.scope},
            "repo": self._described(
                base, kind, repo, str(more.get("movedTo", {}).get("name", repo)), private
            ),
            **more,
        }
        for webhook in receivers:
            body = msgspec.json.encode({**told, "webhook": {"id": webhook.id, "version": 3}})
            self._sender.submit(self._deliver, webhook, event, repo, body)

    def _described(self, base: str, kind: Kind, repo: str, here: str, private: bool | None) -> dict[str, Any]:
        """The repo as a delivery names it; `here` is where it stands now."""
        shown: dict[str, Any] = {
            "type": kind, "name": repo, "id": object_id(kind, repo),
            "url": {"web": f"{base}/{repo}", "api": f"{base}/api/{kind}s/{repo}"},
            "owner": {"id": object_id("user", repo.split("/")[0])},
        }  # fmt: skip
        try:
            shown["private"] = self._store.settings(kind, here).private if private is None else private
            shown["headSha"] = self._store.commit_at(kind, here).id
        except Refused:
            shown.setdefault("private", bool(private))  # deleted: it has no head any more
        return shown

    def _deliver(self, webhook: Webhook, event: Event, repo: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "loopback-hub"}
        if webhook.secret:
            headers["X-Webhook-Secret"] = webhook.secret
        request = urllib.request.Request(webhook.url, body, headers, method="POST")  # noqa: S310  http(s), checked
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                status = response.status
        except urllib.error.HTTPError as error:
            status = error.code
        except (OSError, ValueError):
            status = 0
        self.delivered.append(
            Delivered(webhook=webhook.id, event=f"{event.scope} {event.action}", repo=repo, status=status)
        )


def new_id() -> str:
    """A 24-digit id, as the Hub's."""
    return uuid.uuid4().hex[:24]
