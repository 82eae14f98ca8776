"""The preview as a web application and as a running server, for this machine's own browser and nobody else.

A web page that the person has open elsewhere must get nothing from it: the Host header must name this
machine (DNS rebinding), requests that another site's page makes are refused, no other origin is allowed to
read an answer, and the content security policy lets nothing run but `preview.js`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.card.preview.preview import Preview
from bot.card.preview.watching import watch
from bot.errors import HostError

HOST = "127.0.0.1"
FILES = {"/": "page.html", "/preview.css": "preview.css", "/preview.js": "preview.js"}
TICK = 0.1
"""Seconds between two looks at whether there is news for a page."""

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _OwnPagesOnly:
    """Refuses what another site's page asks for, and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if _foreign(Headers(scope=scope)):
            refusal = PlainTextResponse("Only the preview's own page may ask this.\n", status_code=403)
            await refusal(scope, receive, protected)
        else:
            await self._app(scope, receive, protected)


def _foreign(headers: Headers) -> bool:
    """Whether another site's page asks, by what browsers say of every request. A followed link may ask."""
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    return site not in ("none", "same-origin") and mode != "navigate"


def create_app(preview: Preview, stopping: Callable[[], bool] = lambda: False) -> Starlette:
    """The application. It renders when it starts, and again after every save."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        def refresh() -> None:
            # a daemon: who ends the preview does not wait for a Hub that does not answer
            threading.Thread(target=preview.refresh, daemon=True).start()

        stop = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(watch, preview.folders, preview.source.file, refresh, stop)
            refresh()
            yield
            stop.set()

    app = Starlette(
        routes=[
            *(Route(path, _file) for path in FILES),
            Route("/state", _state),
            Route("/events", _events),
            Route("/figures/{name}", _figure),
        ],
        middleware=[
            Middleware(_OwnPagesOnly),
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False),
        ],
        lifespan=lifespan,
    )
    app.state.preview, app.state.stopping = preview, stopping
    return app


async def _file(request: Request) -> Response:
    if request.url.path == "/":
        _preview(request).ask()  # who reloads the page wants the Hub asked again
    return FileResponse(_HERE / FILES[request.url.path], headers={"Cache-Control": "no-store"})


async def _state(request: Request) -> Response:
    data = msgspec.json.encode(_preview(request).state)
    return Response(data, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _figure(request: Request) -> Response:
    data = _preview(request).figure(request.url.path)
    if data is None:
        return PlainTextResponse("The card has no such figure.\n", status_code=404)
    # its address holds a digest of it
    return Response(
        data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600, immutable"}
    )


async def _events(request: Request) -> Response:
    """The state's version, whenever it is another (server-sent events)."""

    async def versions() -> AsyncIterator[str]:
        told = -1
        while not request.app.state.stopping() and not await request.is_disconnected():
            if told != (told := _preview(request).state.version):
                yield f"data: {told}\n\n"
            await anyio.sleep(TICK)

    return StreamingResponse(
        versions(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


def _preview(request: Request) -> Preview:
    found: Preview = request.app.state.preview
    return found


class _Server(uvicorn.Server):
    on_ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_ready()


class PreviewServer:
    """The preview on a port of this machine. Port 0: any free one. Raises HostError when it is taken."""

    def __init__(self, preview: Preview, port: int = 0) -> None:
        self._preview = preview
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((HOST, port))
            self._listener.listen()  # from here on nobody else can have the port
        except (OSError, OverflowError) as error:
            self._listener.close()
            raise HostError(f"cannot listen on {HOST}:{port} ({error}): choose another --port") from error
        self.address = f"http://{HOST}:{self._listener.getsockname()[1]}"
        app = create_app(preview, lambda: self._server.should_exit)
        self._server = _Server(
            uvicorn.Config(
                app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, server_header=False
            )
        )

    def run(self, on_ready: Callable[[str], None] = lambda address: None) -> None:
        """Serve until SIGINT, SIGTERM or `stop`; `on_ready` gets the address once it answers."""
        self._server.on_ready = lambda: on_ready(self.address)
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._preview.close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True
