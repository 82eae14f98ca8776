"""One request to the Hub: who asks, what for, and whether they may.

Handlers are plain functions `Call -> Response`; they run in a thread, may block on
files and locks, and raise `Refused`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bot.hub.answers import Refused, repo_not_found
from bot.hub.collections_store import CollectionStore
from bot.hub.names import is_repo_id, is_user
from bot.hub.reading import Kind, RepoSettings
from bot.hub.store import Store
from bot.hub.webhooks import Event, Webhooks

KINDS: dict[str, Kind] = {"models": "model", "datasets": "dataset"}
TOKEN_PREFIX = "hf_"  # noqa: S105  what every Hub token starts with, no token


@dataclass(frozen=True)
class Hub:
    """What all requests share. `open_`: any token may write anywhere."""

    store: Store
    collections: CollectionStore
    open_: bool
    upload_key: bytes
    webhooks: Webhooks


def user_of(authorization: str | None, *, open_: bool) -> str | None:
    """The user behind an Authorization header: `hf_NAME` is NAME. None without one.

    Refused (401) for any other token; an open Hub takes them all.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    name = token.strip().removeprefix(TOKEN_PREFIX)
    if scheme.lower() == "bearer" and is_user(name) and (open_ or token.strip().startswith(TOKEN_PREFIX)):
        return name
    raise Refused(401, "Invalid credentials in Authorization header")


@dataclass
class Call:
    """A request with its body read. `params` are the path's parts, unquoted."""

    hub: Hub
    request: Request
    body: bytes

    @property
    def store(self) -> Store:
        return self.hub.store

    @cached_property
    def params(self) -> dict[str, str]:
        return {name: unquote(value) for name, value in self.request.path_params.items()}

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.request.url.query, keep_blank_values=True)

    def values(self, name: str) -> list[str]:
        """All values of a query parameter; `name[]` and commas mean the same."""
        return [
            part for value in self.query.get(name, []) + self.query.get(f"{name}[]", []) for part in [value]
        ]

    def first(self, name: str, default: str = "") -> str:
        return (self.query.get(name) or [default])[0]

    def flag(self, name: str) -> bool:
        return self.first(name).lower() in ("1", "true")

    def number(self, name: str, default: int, most: int) -> int:
        """A positive whole number from the query, at most `most`. Refused (400) for anything else."""
        text = self.first(name, str(default))
        if not text.isdigit() or int(text) < 1:
            raise Refused(400, f'"{name}" must be a positive whole number')
        return min(int(text), most)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Refused (400) when it is none."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused(400, "the body is no JSON object") from None

    @cached_property
    def user(self) -> str | None:
        return user_of(self.request.headers.get("authorization"), open_=self.hub.open_)

    @property
    def base(self) -> str:
        """This Hub's address as the client wrote it."""
        return str(self.request.base_url).rstrip("/")

    @property
    def kind(self) -> Kind:
        return KINDS[self.params.get("kind", "models")]

    @property
    def repo(self) -> str:
        return f"{self.params['owner']}/{self.params['name']}"

    @property
    def revision(self) -> str:
        return self.params.get("revision", "main")

    @property
    def branch(self) -> str:
        return self.revision.removeprefix("refs/heads/")

    def announce(
        self, event: Event, kind: Kind, repo: str, *, private: bool | None = None, **more: Any
    ) -> None:
        """Tell the webhooks that watch this repo or its owner."""
        self.hub.webhooks.announce(self.base, event, kind, repo, private=private, more=more)

    def repo_url(self, kind: Kind, repo: str) -> str:
        return f"{self.base}/{'datasets/' if kind == 'dataset' else ''}{repo}"

    # -------------------------------------------------------------- rights

    def owns(self, owner: str) -> bool:
        return self.user is not None and (self.hub.open_ or self.user == owner)

    def may_read(self, settings: RepoSettings) -> bool:
        return not settings.private or self.owns(settings.id.split("/")[0])

    def readable(self, kind: Kind | None = None, repo: str | None = None) -> RepoSettings:
        """The repo's settings; Refused (401, 404) when it is not there for this caller."""
        user = self.user
        kind, repo = kind or self.kind, repo or self.repo
        if is_repo_id(repo) and self.store.exists(kind, repo):
            settings = self.store.settings(kind, repo)
            if self.may_read(settings):
                return settings
        raise self._elsewhere(kind, repo) or repo_not_found(anonymous=user is None)

    def _elsewhere(self, kind: Kind, repo: str) -> Refused | None:
        """The way to a repo that has another name now, for a caller who may read it, as the Hub gives it."""
        to, path = self.store.moved_to(kind, repo), self.request.scope["path"]
        if to is None or f"/{repo}" not in path:
            return None
        if self.store.exists(kind, to) and not self.may_read(self.store.settings(kind, to)):
            return None
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        address = f"{self.base}{path.replace(f'/{repo}', f'/{to}', 1)}{query}"
        return Refused(307, f"{repo} is {to} now", headers={"Location": address})

    def downloadable(self) -> RepoSettings:
        """`readable`, and not gated against this caller (Refused 401, 403)."""
        settings = self.readable()
        if not settings.gated or self.owns(settings.id.split("/")[0]) or self.user in settings.readers:
            return settings
        ask = f"visit {self.repo_url(settings.kind, settings.id)} to ask for access"
        if self.user is None:
            raise Refused(401, f"Access to {settings.id} is restricted: log in and {ask}.", "GatedRepo")
        raise Refused(
            403, f"Access to {settings.id} is restricted and you are not in the list: {ask}.", "GatedRepo"
        )

    def writable(self, kind: Kind | None = None, repo: str | None = None) -> RepoSettings:
        """`readable`, and this caller may change it (Refused 401, 403)."""
        settings = self.readable(kind, repo)
        if self.user is None:
            raise repo_not_found(anonymous=True)
        if not self.owns(settings.id.split("/")[0]):
            raise Refused(403, f"You don't have the rights to change {settings.id}")
        return settings

    def logged_in(self) -> str:
        """The caller's name; Refused (401) without a token."""
        if self.user is None:
            raise Refused(401, "Invalid username or password.")
        return self.user

    def owner_only(self, owner: str, what: str) -> None:
        """Refused (401, 403) unless the caller may write in that namespace."""
        self.logged_in()
        if not self.owns(owner):
            raise Refused(403, f'You don\'t have the rights to {what} under the namespace "{owner}"')

    # ----------------------------------------------------------- pagination

    def page(self, items: list[Any], limit: int) -> tuple[list[Any], dict[str, str]]:
        """The part of `items` the cursor asks for, and the Link header to the next part."""
        start = int(self.first("cursor")) if self.first("cursor").isdigit() else 0
        shown = items[start : start + limit]
        if start + limit >= len(items):
            return shown, {}
        query = [(k, v) for k, values in self.query.items() if k != "cursor" for v in values]
        query.append(("cursor", str(start + limit)))
        path = self.request.scope["path"]
        return shown, {"Link": f'<{self.base}{path}?{urlencode(query)}>; rel="next"'}


Handler = Callable[[Call], Response]


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler as Starlette wants it: body read here, the rest in a thread, refusals answered."""

    async def run(request: Request) -> Response:
        call = Call(request.app.state.hub, request, await request.body())
        try:
            response = await run_in_threadpool(handler, call)
        except Refused as refused:
            response = refused.response()
        response.headers.setdefault("X-Request-Id", uuid.uuid4().hex)
        return response

    return run
