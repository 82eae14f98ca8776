"""Reading one repo of the account: two or three requests, and none for what did not change since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from huggingface_hub import ModelInfo
from msgspec.structs import replace

from bot.adopt.adopted import Adopted
from bot.adopt.recognise import Seen, is_quant, manifest_oid, own_manifest, recognise
from bot.hub_errors import patiently
from bot.huggingface import HubDoor, ListedModel
from bot.publish.files import CARD
from bot.publish.ledger import MANIFEST
from bot.records import RepoFile

README_BYTES = 200_000
"""Of a card; the longest real ones, with their reviews, have some sixty thousand."""
CONFIG_BYTES = 2_000_000
"""Of config.json: a width for each module of the largest model fits."""
MANIFEST_BYTES = 16_000_000


class Reader:
    """Reads repos through one door, and counts what it asks (pages and repetitions aside)."""

    def __init__(self, door: HubDoor) -> None:
        self.door = door
        self.requests = 0

    def listing(self, account: str) -> tuple[ListedModel, ...]:
        """Every repo of the account that the token may see. Waits out rate limits as it is told."""
        self.requests += 1
        expand: list[Any] = ["lastModified", "sha", "private", "gated"]
        found = patiently(
            lambda: list(self.door.api.list_models(author=account, expand=expand)),
            f"the listing of {account}",
        )
        return tuple(
            ListedModel(
                repo=model.id,
                sha=model.sha or "",
                last_modified=model.last_modified.isoformat() if model.last_modified else "",
                private=bool(model.private),
                gated=bool(model.gated),
            )
            for model in found
        )

    def read(self, repo: str, before: Adopted | None = None) -> Adopted | None:
        """What it is now; None where it is gone. `before` is what was read last: a manifest that is still the
        same is not read again. Raises BotError."""
        self.requests += 1
        info = self.door.find(repo)
        if info is None:
            return None
        files = self.door._siblings(info)
        if before is not None and before.made is not None and before.made.manifest_oid == manifest_oid(files):
            return _again(before, info, files)
        return recognise(self._seen(repo, info, files))

    def _seen(self, repo: str, info: ModelInfo, files: tuple[RepoFile, ...]) -> Seen:
        card: dict[str, Any] = vars(info.card_data) if info.card_data else {}
        tags = tuple(tag for tag in (info.tags or ()) if isinstance(tag, str))
        seen = Seen(
            repo=repo,
            sha=info.sha or "",
            private=bool(info.private),
            tags=(*tags, *filter(None, [info.library_name])),
            base_model=card.get("base_model"),
            relation=card.get("base_model_relation"),
            files=files,
        )
        manifest = self._start(seen, MANIFEST, MANIFEST_BYTES)
        if own_manifest(repo, manifest) is not None or not is_quant(repo, seen.tags, files):
            return replace(seen, manifest=manifest)
        readme = self._start(seen, CARD, README_BYTES)
        return replace(
            seen,
            manifest=manifest,
            readme=readme.decode("utf-8", errors="replace") if readme is not None else None,
            config=self._start(seen, "config.json", CONFIG_BYTES),
            notes=_cut(files),
        )

    def _start(self, seen: Seen, path: str, most: int) -> bytes | None:
        """The first bytes of a file; None where it is missing or empty."""
        size = next((file.size for file in seen.files if file.path == path), 0)
        if not size:
            return None
        self.requests += 1
        return self.door.range(seen.repo, path, seen.sha, 0, min(size, most))


def _again(before: Adopted, info: ModelInfo, files: tuple[RepoFile, ...]) -> Adopted:
    """The same manifest beside other files."""
    return replace(before, sha=info.sha or "", private=bool(info.private), files=files)


def _cut(files: Iterable[RepoFile]) -> tuple[str, ...]:
    size = next((file.size for file in files if file.path == CARD), 0)
    if size <= README_BYTES:
        return ()
    return (f"of its card's {size} bytes the first {README_BYTES} were read",)
