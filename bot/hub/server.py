"""The loopback Hub as a web application and as a running server."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.errors import HostError
from bot.hub import collections_api, commits_api, files_api, listing_api, pages, repos_api, webhooks_api
from bot.hub.call import KINDS, Handler, Hub, endpoint
from bot.hub.collections_store import CollectionStore
from bot.hub.control import control
from bot.hub.faults import FaultBoard, Faults
from bot.hub.store import Store
from bot.hub.webhooks import Webhooks

Table = list[tuple[str, str, Handler]]

REPOS: Table = [
    ("GET", "/api/whoami-v2", repos_api.whoami),
    ("POST", "/api/validate-yaml", repos_api.validate_yaml),
    ("GET", "/api/users/{owner}/overview", repos_api.user_overview),
    ("POST", "/api/repos/create", repos_api.create),
    ("DELETE", "/api/repos/delete", repos_api.delete),
    ("POST", "/api/repos/move", repos_api.move),
    ("GET", "/api/{kind:kind}", listing_api.list_repos),
    ("GET", "/api/{kind:kind}/{owner}/{name}", repos_api.info),
    ("GET", "/api/{kind:kind}/{owner}/{name}/revision/{revision}", repos_api.info),
    ("PUT", "/api/{kind:kind}/{owner}/{name}/settings", repos_api.update_settings),
    ("GET", "/api/{kind:kind}/{owner}/{name}/auth-check", repos_api.auth_check),
    ("GET", "/api/{kind:kind}/{owner}/{name}/auth-check/write", repos_api.auth_check_write),
    ("GET", "/api/{kind:kind}/{owner}/{name}/refs", repos_api.refs),
    ("POST", "/api/{kind:kind}/{owner}/{name}/branch/{revision}", repos_api.create_branch),
    ("DELETE", "/api/{kind:kind}/{owner}/{name}/branch/{revision}", repos_api.delete_branch),
    ("POST", "/api/{kind:kind}/{owner}/{name}/tag/{revision}", repos_api.create_tag),
    ("DELETE", "/api/{kind:kind}/{owner}/{name}/tag/{revision}", repos_api.delete_tag),
    ("GET", "/api/{kind:kind}/{owner}/{name}/commits/{revision}", repos_api.commits),
]
FILES: Table = [
    ("POST", "/api/{kind:kind}/{owner}/{name}/preupload/{revision}", commits_api.preupload),
    ("POST", "/api/{kind:kind}/{owner}/{name}/commit/{revision}", commits_api.commit),
    ("GET", "/api/{kind:kind}/{owner}/{name}/tree/{revision}", files_api.tree),
    ("GET", "/api/{kind:kind}/{owner}/{name}/tree/{revision}/{path:path}", files_api.tree),
    ("POST", "/api/{kind:kind}/{owner}/{name}/paths-info/{revision}", files_api.paths_info),
]
COLLECTIONS: Table = [
    ("GET", "/api/collections", collections_api.list_collections),
    ("POST", "/api/collections", collections_api.create),
    ("GET", "/api/collections/{owner}/{slug}", collections_api.get),
    ("PATCH", "/api/collections/{owner}/{slug}", collections_api.update),
    ("DELETE", "/api/collections/{owner}/{slug}", collections_api.delete),
    ("POST", "/api/collections/{owner}/{slug}/items", collections_api.add_item),
    ("PATCH", "/api/collections/{owner}/{slug}/items/{item}", collections_api.update_item),
    ("DELETE", "/api/collections/{owner}/{slug}/items/{item}", collections_api.delete_item),
]
WEBHOOKS: Table = [
    ("GET", "/api/settings/webhooks", webhooks_api.list_webhooks),
    ("POST", "/api/settings/webhooks", webhooks_api.create),
    ("GET", "/api/settings/webhooks/{webhook}", webhooks_api.get),
    ("DELETE", "/api/settings/webhooks/{webhook}", webhooks_api.delete),
]
PLAIN: Table = [
    ("POST", "{repo}.git/info/lfs/objects/batch", commits_api.lfs_batch),
    ("POST", "{repo}.git/info/lfs/verify", commits_api.lfs_verify),
    ("GET", "{repo}/resolve/{revision}/{path:path}", files_api.resolve),
    ("GET", "{repo}", pages.repo),
]
"""Addresses as people write them: datasets under /datasets/, models at the root."""


class _KindConvertor(Convertor[str]):
    regex = "|".join(KINDS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _EncodedPath:
    """Route by the path as it was sent, so that `refs%2Fheads%2Fx` stays one part of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].split(b"?")[0].decode("latin-1")}
        await self._app(scope, receive, send)


def _routes() -> list[Route]:
    register_url_convertor("kind", _KindConvertor())
    rows = [*REPOS, *FILES, *COLLECTIONS, *WEBHOOKS, ("GET", "/", pages.index)]
    rows.append(("GET", "/collections/{owner}/{slug}", pages.collection))
    for repo in ("/{kind:kind}/{owner}/{name}", "/{owner}/{name}"):
        rows += [(method, path.replace("{repo}", repo), handler) for method, path, handler in PLAIN]
    routes = [
        Route("/_loopback/lfs/{sha256}", commits_api.lfs_upload, methods=["PUT"]),
        Route("/_loopback/{what}", control, methods=["GET", "POST", "DELETE"]),
    ]
    routes += [Route(path, endpoint(handler), methods=[method]) for method, path, handler in rows]
    for method in ("GET", "POST", "PUT", "DELETE"):
        routes.append(Route("/api/{kind:kind}/{rest:path}", endpoint(repos_api.missing), methods=[method]))
    return routes


def _upload_key(root: Path) -> bytes:
    """The key that signs upload addresses; kept, so that an upload outlives a restart."""
    path = root / ".upload-key"
    if not path.is_file():
        temporary = root / f".upload-key-{os.getpid()}"
        temporary.write_bytes(secrets.token_bytes(32))
        temporary.chmod(0o600)
        temporary.replace(path)
    return path.read_bytes()


def create_app(root: Path, *, open_: bool = False) -> Starlette:
    """The Hub whose repos lie under `root` (made when missing). `open_`: any token may write anywhere."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        store = Store(root)
        store.objects.sweep()
        key = _upload_key(root)
    except OSError as error:
        raise HostError(f"cannot keep a Hub in {root} ({error.strerror}): choose another --root") from error
    board = FaultBoard()
    app = Starlette(routes=_routes(), middleware=[Middleware(_EncodedPath), Middleware(Faults, board=board)])
    app.state.faults = board
    app.state.hub = Hub(store, CollectionStore(store), open_, key, Webhooks(store))
    return app


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(
    root: Path,
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    open_: bool = False,
    on_ready: Callable[[str], None] = lambda endpoint: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the endpoint once it answers. Port 0: any free one.

    Raises HostError when the folder or the port cannot be had.
    """
    app = create_app(root, open_=open_)
    # Named as TCP, so that asyncio switches Nagle off: else each answer would wait 40 ms for an ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise HostError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --port"
        ) from error
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    # Clients drop idle connections after 5 s; a server that does it first would cut a POST.
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_keep_alive=120, timeout_graceful_shutdown=2,
        server_header=False,
    )  # fmt: skip
    _Server(config, lambda: on_ready(address)).run(sockets=[listener])
