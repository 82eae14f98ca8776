"""The one door to a Hub: everything the bot asks of it; its errors leave as BotErrors (`hub_errors`).

Only modules that talk to a Hub import this one, lazily from the command line's
view: huggingface_hub reads HF_ENDPOINT when it is imported, so `settings.apply`
comes first.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from httpx2 import Response
from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.hf_api import RepoFile as HubFile
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from bot import settings as settings_
from bot.errors import HubUnavailable, NotAllowed, NotFound, UsageError
from bot.hub_errors import patiently, translate_errors
from bot.records import BaseRevision, Record, RepoFile
from bot.settings import Settings

LISTED = ["sha", "lastModified", "private", "gated"]
"""What a listing says of each repo: nothing that changes by itself (as downloads do), so that its entity tag
changes only with the repos."""
NOT_MODIFIED = 304
_REPO = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")


class Identity(Record, frozen=True, kw_only=True):
    """Who the token is: the account, the organisations it may write to, and its role.

    `everywhere`: an open loopback Hub lets any token write for anybody.
    """

    name: str
    organisations: tuple[str, ...] = ()
    role: str = "unknown"
    everywhere: bool = False

    def may_write(self, namespace: str) -> bool:
        mine = self.everywhere or namespace in (self.name, *self.organisations)
        return self.role != "read" and mine


class ListedModel(Record, frozen=True, kw_only=True):
    """One line of an author's listing."""

    repo: str
    sha: str
    last_modified: str
    private: bool = False
    gated: bool = False


class ListedPage(Record, frozen=True, kw_only=True):
    """One page of a listing. `etag`: what to send to learn whether it still says the same ("" where the Hub
    gives none); `next`: where the next page is, None at the end."""

    models: tuple[ListedModel, ...]
    etag: str = ""
    next: str | None = None


class _Line(Record, frozen=True, kw_only=True, rename="camel"):
    """A model as the Hub lists it; all that is not used here is ignored."""

    id: str
    sha: str | None = None
    last_modified: datetime.datetime | None = None
    private: bool = False
    gated: bool | str = False


class HubDoor:
    """What the bot asks of one Hub. Every method raises BotErrors only."""

    def __init__(self, settings: Settings, token: str | None = None) -> None:
        self.endpoint = settings.endpoint
        self._token = token or settings_.token()
        self.api = HfApi(endpoint=settings.endpoint, token=self._token or False)

    def url(self, repo: str) -> str:
        return f"{self.endpoint}/{repo}"

    def whoami(self) -> Identity:
        """Raises NotAllowed without a token or with a wrong one."""
        if not self._token:
            raise NotAllowed(f"there is no token for {self.endpoint}: set HF_TOKEN, or run `hf auth login`")
        try:
            answer: dict[str, Any] = patiently(self._whoami, "the token", attempts=3)
        except NotAllowed:
            raise NotAllowed(
                f"{self.endpoint} does not know this token: set HF_TOKEN to a valid one"
            ) from None
        token = answer.get("auth", {}).get("accessToken", {})
        organisations = tuple(org["name"] for org in answer.get("orgs", ()) if org.get("name"))
        return Identity(
            name=answer["name"],
            organisations=organisations,
            role=token.get("role") or "unknown",
            everywhere=answer.get("writesEverywhere") is True,
        )

    def _whoami(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.whoami(cache=False)
        return answer

    def info(self, repo: str, revision: str | None = None) -> ModelInfo:
        return patiently(
            lambda: self.api.model_info(repo, revision=revision, files_metadata=True), repo, attempts=4
        )

    def find(self, repo: str, revision: str | None = None) -> ModelInfo | None:
        """`info`, or None where there is no such repo (or none that this token may read)."""
        try:
            return self.info(repo, revision)
        except NotFound:
            return None

    def base_revision(self, repo: str, revision: str | None = None) -> BaseRevision:
        """The repo at `revision` (default branch when None) as one frozen record; sha is a commit id."""
        if repo.count("/") != 1 or not all(repo.split("/")):
            raise UsageError(f"{repo!r} is no repo: write owner/name")
        info = self.info(repo, revision)
        card: dict[str, Any] = vars(info.card_data) if info.card_data else {}
        config = info.config if isinstance(info.config, dict) else {}
        return BaseRevision(
            repo=info.id,
            sha=info.sha or "",
            last_modified=info.last_modified.isoformat() if info.last_modified else None,
            gated=bool(info.gated),
            license=_text(card.get("license")),
            license_name=_text(card.get("license_name")),
            license_link=_text(card.get("license_link")),
            language=_texts(card.get("language")),
            tags=_texts(card.get("tags")),
            pipeline_tag=info.pipeline_tag or _text(card.get("pipeline_tag")),
            model_type=_text(config.get("model_type")),
            files=self._siblings(info),
        )

    def files(self, repo: str, revision: str) -> tuple[RepoFile, ...]:
        """Every file at that revision with size and hashes, from the tree (paged, any number of files)."""

        def tree() -> tuple[RepoFile, ...]:
            return tuple(
                RepoFile(path=f.path, size=f.size, oid=f.blob_id, sha256=f.lfs.sha256 if f.lfs else None)
                for f in self.api.list_repo_tree(repo, revision=revision, recursive=True)
                if isinstance(f, HubFile)
            )

        return patiently(tree, repo, attempts=4)

    @staticmethod
    def _siblings(info: ModelInfo) -> tuple[RepoFile, ...]:
        return tuple(
            RepoFile(
                path=s.rfilename,
                size=s.size or 0,
                oid=s.blob_id or "",
                sha256=s.lfs.sha256 if s.lfs else None,
            )
            for s in info.siblings or ()
        )

    def list_models(
        self,
        author: str,
        sort: Literal["last_modified", "created_at"] = "last_modified",
        limit: int | None = None,
    ) -> Iterator[ListedModel]:
        """The author's models, newest first; pages are asked for only as far as the caller reads."""
        with translate_errors(f"the listing of {author}"):
            listing = self.api.list_models(
                author=author, sort=sort, limit=limit, expand=["lastModified", "sha", "private", "gated"]
            )
            for model in listing:
                yield ListedModel(
                    repo=model.id,
                    sha=model.sha or "",
                    last_modified=model.last_modified.isoformat() if model.last_modified else "",
                    private=bool(model.private),
                    gated=bool(model.gated),
                )

    def listing(
        self, author: str, *, etag: str = "", page: str | None = None, size: int = 100
    ) -> ListedPage | None:
        """One page of the author's models, last changed first; None where it says what `etag` said.

        Without `page` (a former page's `next`) it is the first. One request. Raises BotErrors.
        """
        if page is not None and not page.startswith(f"{self.endpoint}/"):
            raise HubUnavailable(f"the listing of {author} leads to another server: it is not followed there")
        query = {"author": author, "sort": "lastModified", "limit": str(size), "expand": LISTED}

        def fetch() -> Response:
            headers = {**self.api._build_hf_headers(), **({"If-None-Match": etag} if etag else {})}
            url = page or f"{self.endpoint}/api/models"
            response = get_session().get(url, params=None if page else query, headers=headers, timeout=60)
            if response.status_code != NOT_MODIFIED:
                hf_raise_for_status(response)
            return response

        response = patiently(fetch, f"the listing of {author}", attempts=4)
        if response.status_code == NOT_MODIFIED:
            return None
        return ListedPage(
            models=_listed(response.content, author),
            etag=response.headers.get("ETag", ""),
            next=response.links.get("next", {}).get("url"),
        )

    def range(self, repo: str, path: str, revision: str, start: int, length: int) -> bytes:
        """`length` bytes of a file from `start` on, by a range request. Raises NotFound."""

        def fetch() -> bytes:
            headers = {**self.api._build_hf_headers(), "Range": f"bytes={start}-{start + length - 1}"}
            url = self.api_url(repo, path, revision)
            response = get_session().get(url, headers=headers, follow_redirects=True, timeout=60)
            hf_raise_for_status(response)
            return response.content[:length]

        return patiently(fetch, repo, attempts=4)

    def read(self, repo: str, path: str, revision: str | None = None) -> bytes | None:
        """A small file's bytes straight from the Hub (no cache), or None where it is missing."""

        def fetch() -> bytes | None:
            url = self.api_url(repo, path, revision or "main")
            headers = self.api._build_hf_headers()
            response = get_session().get(url, headers=headers, follow_redirects=True, timeout=30)
            try:
                hf_raise_for_status(response)
            except EntryNotFoundError:
                return None
            return response.content

        try:
            return patiently(fetch, repo, attempts=4)
        except NotFound:
            return None

    def api_url(self, repo: str, path: str, revision: str) -> str:
        return hf_hub_url(repo, path, revision=revision, endpoint=self.endpoint)


def _listed(body: bytes, author: str) -> tuple[ListedModel, ...]:
    """The models that a listing's page names. Raises HubUnavailable where it is none."""
    try:
        lines = msgspec.json.decode(body, type=list[_Line])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HubUnavailable(f"the listing of {author} is none ({error}): try again later") from None
    return tuple(
        ListedModel(
            repo=line.id,
            sha=line.sha or "",
            last_modified=_utc(line.last_modified),
            private=line.private,
            gated=bool(line.gated),
        )
        for line in lines
        if _REPO.fullmatch(line.id)
    )


def _utc(time: datetime.datetime | None) -> str:
    """The time as ISO 8601 with milliseconds in UTC, so that texts compare as times do; "" for none."""
    if time is None:
        return ""
    aware = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
    return aware.astimezone(datetime.UTC).isoformat(timespec="milliseconds")


def _text(value: object) -> str | None:
    """Upstream metadata is hostile until parsed: only a plain string of sane length passes."""
    return value.strip()[:300] if isinstance(value, str) and value.strip() else None


def _texts(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text for item in items[:200] if (text := _text(item)))
