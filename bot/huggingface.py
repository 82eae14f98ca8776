"""The one door to a Hub: everything the bot asks of it, and every error it gives, translated here.

Only modules that talk to a Hub import this one, lazily from the command line's
view: huggingface_hub reads HF_ENDPOINT when it is imported, so `settings.apply`
comes first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import httpx2
import tenacity
from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.errors import (
    BadRequestError,
    DisabledRepoError,
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile as HubFile
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from bot import settings as settings_
from bot.errors import BotError, HubUnavailable, NeedsPerson, NotAllowed, NotFound, UsageError
from bot.records import BaseRevision, Record, RepoFile
from bot.settings import Settings

T = TypeVar("T")

PATIENCE = 3600.0
"""Seconds for which rate limits and outages are waited out, all together, for one request."""


class Identity(Record, frozen=True, kw_only=True):
    """Who the token is: the account, the organisations it may write to, and its role."""

    name: str
    organisations: tuple[str, ...] = ()
    role: str = "unknown"

    def may_write(self, namespace: str) -> bool:
        return self.role != "read" and namespace in (self.name, *self.organisations)


class ListedModel(Record, frozen=True, kw_only=True):
    """One line of an author's listing."""

    repo: str
    sha: str
    last_modified: str
    private: bool = False
    gated: bool = False


# ------------------------------------------------------------------ errors


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind a client error, when there is one."""
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)


def translated(error: Exception, what: str) -> BotError:
    """The BotError for an error of the Hub client. `what` names the repo or the request for the sentence."""
    status = status_of(error)
    if isinstance(error, GatedRepoError):
        return NeedsPerson(
            f"{what} is gated: accept its terms on its page with this account, then run it again"
        )
    if isinstance(error, DisabledRepoError):
        return NeedsPerson(f"{what} was disabled by the Hub: look at its page for the reason")
    if isinstance(error, RevisionNotFoundError):
        return NotFound(f"{what} has no such revision: check the commit, branch or tag")
    if isinstance(error, RepositoryNotFoundError):
        return NotFound(
            f"{what} is not on the Hub, or is private and the token may not read it: check the name"
        )
    if isinstance(error, (LocalEntryNotFoundError, OfflineModeIsEnabled, IncompleteSnapshotError)):
        return HubUnavailable(f"the Hub did not answer about {what}: check the network and HF_ENDPOINT")
    if isinstance(error, EntryNotFoundError):
        return NotFound(f"{what} lacks a file that was asked for")
    if isinstance(error, (HFValidationError, BadRequestError)):
        return UsageError(f"the Hub refuses {what} as it is written: a repo is named owner/name")
    if status == 401:
        return NotAllowed(f"the Hub refuses the token for {what}: set HF_TOKEN to a valid one")
    if status == 403:
        return NotAllowed(
            f"the Hub forbids {what}{_reason(error)}: check the token's rights and the storage limit"
        )
    if status == 409:
        return NeedsPerson(f"{what} stands on the Hub already and was not made here")
    if status == 412:
        return NeedsPerson(
            f"{what} was changed on the Hub by somebody else meanwhile: run it again to see how"
        )
    if status == 429:
        return HubUnavailable(f"the Hub limits the rate of requests ({what}): wait and run it again")
    if isinstance(error, (HfHubHTTPError, FileMetadataError, httpx2.HTTPError)):
        cause = f"answered {status}" if status else "cannot be reached"
        return HubUnavailable(f"the Hub {cause} ({what}): it will be tried again by `bot retry`")
    return BotError(f"{what}: {type(error).__name__}")


def _reason(error: Exception) -> str:
    message = getattr(error, "server_message", None)
    return f" ({' '.join(str(message).split())[:200]})" if message else ""


FOREIGN = (
    HfHubHTTPError, HFValidationError, EntryNotFoundError, OfflineModeIsEnabled, FileMetadataError,
    httpx2.HTTPError,
)  # fmt: skip


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn the client's errors inside the block into BotErrors about `what`."""
    try:
        yield
    except FOREIGN as error:
        raise translated(error, what) from error


def _worth_waiting(error: BaseException) -> bool:
    status = status_of(error)
    if isinstance(error, HfHubHTTPError):
        return status == 429 or (status is not None and status >= 500)
    return isinstance(error, (httpx2.TransportError, ConnectionError))


def _seconds_to_wait(state: tenacity.RetryCallState) -> float:
    """As long as the Hub says (Retry-After, or RateLimit's t=), else 1, 2, 4 … 60 seconds."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", {})
    told = headers.get("Retry-After", "")
    if not told.isdigit():
        told = next((p[2:] for p in headers.get("RateLimit", "").split(";") if p.startswith("t=")), "")
    return float(told) + 0.1 if told.isdigit() else float(min(60, 2 ** (state.attempt_number - 1)))


def patiently(call: Callable[[], T], what: str, *, patience: float = PATIENCE, attempts: int = 6) -> T:
    """`call()`, waiting out rate limits as told and outages for a while; a 403 stops at once.

    Raises the translated BotError when the patience or the attempts are used up.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_waiting),
        wait=_seconds_to_wait,
        stop=tenacity.stop_after_delay(patience) | tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
    with translate_errors(what):
        return retrying(call)


# ------------------------------------------------------------------ the door


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
        return Identity(name=answer["name"], organisations=organisations, role=token.get("role") or "unknown")

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


def _text(value: object) -> str | None:
    """Upstream metadata is hostile until parsed: only a plain string of sane length passes."""
    return value.strip()[:300] if isinstance(value, str) and value.strip() else None


def _texts(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text for item in items[:200] if (text := _text(item)))
