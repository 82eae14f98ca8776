"""The preview as a web application and as a running server, for this machine's own browser and nobody else.

A web page that the person has open elsewhere must get nothing from it: the Host header must name this
machine (DNS rebinding), requests that another site's page makes are refused, no other origin is allowed to
read an answer, and the content security policy lets nothing run but `preview.js`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.card.preview.preview import Preview
from bot.card.preview.watching import watch
from bot.web.listening import Listener
from bot.web.own_pages import LOOPBACK_NAMES, KnownHosts, OwnPagesOnly, protecting

HOST = "127.0.0.1"
FILES = {"/": "page.html", "/preview.css": "preview.css", "/preview.js": "preview.js"}
TICK = 0.1
"""Seconds between two looks at whether there is news for a page."""

_HERE = Path(__file__).parent
_HEADERS = protecting(images="'self' https: data:", forms="'none'", referrer="no-referrer")


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
            Middleware(OwnPagesOnly, headers=_HEADERS),
            Middleware(KnownHosts, names=LOOPBACK_NAMES, addresses=False),
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


class PreviewServer:
    """The preview on a port of this machine. Port 0: any free one. Raises HostError when it is taken."""

    def __init__(self, preview: Preview, port: int = 0) -> None:
        self._preview = preview
        self._listener = Listener(HOST, port, "choose another --port")
        self.address = self._listener.address

    def run(self, on_ready: Callable[[str], None] = lambda address: None) -> None:
        """Serve until SIGINT, SIGTERM or `stop`; `on_ready` gets the address once it answers."""
        app = create_app(self._preview, lambda: self._listener.stopping)
        try:
            self._listener.run(app, lambda: on_ready(self.address))
        finally:
            self._preview.close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._listener.stop()
