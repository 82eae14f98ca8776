"""Server-sent events: which sections changed. The page then fetches those as HTML."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import anyio
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from bot.errors import BotError
from bot.web.current import versions
from bot.web.overview import run_page
from bot.web.site import NO_STORE, Site, site_of
from bot.web.views import digest

TICK = 1.0
"""Seconds between two looks at whether there is news."""

HEARTBEAT = 20.0
"""Seconds after which a line is sent though nothing changed, so that a dead connection is noticed."""

MOST = 24
"""Pages that are kept up to date at once; further ones can be reloaded."""


async def live(request: Request) -> Response:
    """The versions of all sections whenever one changed; with `run`, of that run's page."""
    site = site_of(request)
    if request.app.state.listeners >= MOST:
        return PlainTextResponse("Too many pages are open.\n", status_code=503)
    look = _looking(site, request.query_params.get("run", ""))
    return StreamingResponse(_changes(request, site, look), media_type="text/event-stream", headers=NO_STORE)


def _looking(site: Site, run: str) -> Callable[[], dict[str, str]]:
    def of_run() -> dict[str, str]:
        try:
            found = run_page(site.reader, run, time.time())
        except BotError:
            return {}
        return {"run": run_digest(found)} if found is not None else {}

    return of_run if run else lambda: versions(site.current.get())


def run_digest(page: object) -> str:
    """The version of a run's page. The bars of its steps move with the clock, which is no news."""
    found = msgspec.to_builtins(page)
    for step in found["steps"]:
        step["begin"] = step["width"] = 0
    return digest(found)


async def _changes(request: Request, site: Site, look: Callable[[], dict[str, str]]) -> AsyncIterator[str]:
    request.app.state.listeners += 1
    told: dict[str, str] = {}
    spoke = time.monotonic()
    try:
        while not site.stopping() and not await request.is_disconnected():
            if told != (told := await run_in_threadpool(look)):
                yield f"data: {msgspec.json.encode(told).decode()}\n\n"
                spoke = time.monotonic()
            elif time.monotonic() - spoke > HEARTBEAT:
                yield ": still here\n\n"
                spoke = time.monotonic()
            await anyio.sleep(TICK)
    finally:
        request.app.state.listeners -= 1
