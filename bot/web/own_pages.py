"""What protects a page of this program from the other pages that a browser has open.

Shared by the card preview and the page of `bot run`: the Host header must be a known name (DNS rebinding),
requests that another site's page makes are refused, and every answer carries headers that let no other
origin read or frame it and nothing run but the page's own files.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.loopback import is_loopback

LOOPBACK_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))


def protecting(*, images: str, forms: str, referrer: str) -> dict[str, str]:
    """The headers of every answer. `images` and `forms`: the policy's sources for pictures and for forms.

    `referrer`: what a link away from the page tells. A page with forms needs `same-origin`: with
    `no-referrer` a browser hides the origin of its own forms too.
    """
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src {images}; "
        f"base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": referrer,
        "X-Content-Type-Options": "nosniff",
    }


class OwnPagesOnly:
    """Refuses what another site's page asks for, and puts the protecting headers on every answer.

    `open_paths` may be asked for by anybody: programs elsewhere, which say who they are in another way.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], open_paths: Collection[str] = ()) -> None:
        self._app, self._headers, self._open = app, headers, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if scope["path"] not in self._open and refused(scope["method"], Headers(scope=scope)):
            refusal = PlainTextResponse("Only this program's own page may ask this.\n", status_code=403)
            await refusal(scope, receive, protected)
        else:
            await self._app(scope, receive, protected)


def refused(method: str, headers: Headers) -> bool:
    """Whether another site's page asks. To look, a followed link is enough; to change, the own page."""
    if method in ("GET", "HEAD"):
        return foreign(headers)
    return not of_own_page(headers)


def foreign(headers: Headers) -> bool:
    """Whether another site's page asks, by what browsers say of every request. A followed link may ask."""
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    return site not in ("none", "same-origin") and mode != "navigate"


def of_own_page(headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of this server.

    Browsers say so in `Sec-Fetch-Site`, or (over plain http from another machine) in `Origin`. A program
    that shows a token needs neither: no page can make a browser send that header to another site.
    """
    if headers.get("authorization", "").lower().startswith("bearer "):
        return headers.get("origin") is None
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


class KnownHosts:
    """Refuses a Host header with a name that this server does not go by (a name pointed here by others).

    On loopback only loopback's own names; elsewhere every IP address too, which cannot be rebound.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], *, addresses: bool) -> None:
        self._app, self._addresses = app, addresses
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(Headers(scope=scope).get("host", "")):
            answer = PlainTextResponse(
                "This server does not go by that name: BOT_WEB_HOSTS lists further ones.\n", status_code=400
            )
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _known(self, header: str) -> bool:
        try:
            name = (urlsplit(f"//{header}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or is_loopback(name) or (self._addresses and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
