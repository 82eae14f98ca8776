"""Who comes in: a browser with a session, a program with the token. All others see the way to sign in."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.session import LIFETIME, Session, Sessions, Tries

OPEN_FOLDER = "/static/"


def cookie_name(request: Request) -> str:
    """A cookie is sent to all ports of a host: two bots on one machine keep theirs apart."""
    return f"qx_bot_{request.url.port or 0}"


def session_cookie(request: Request, value: str, *, lasting: bool) -> Any:
    """The arguments of `Response.set_cookie`."""
    return {
        "key": cookie_name(request),
        "value": value,
        "max_age": int(LIFETIME) if lasting else None,
        "path": "/",
        "secure": request.url.scheme == "https",
        "httponly": True,
        "samesite": "strict",
    }


class Door:
    """Lets in who has a session or shows the token, and puts the session into the request's state.

    Where no token is asked for, every browser gets a session, for its forms. `sign_in` answers the others.
    """

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        tries: Tries,
        open_paths: Collection[str],
        sign_in: Callable[[Request], Response],
    ) -> None:
        self._app, self._sessions, self._tries = app, sessions, tries
        self._open, self._sign_in = open_paths, sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if "authorization" in request.headers:
            refusal = self._with_token(request)
            await (refusal or self._app)(scope, receive, send)
            return
        known = self._sessions.known(request.cookies.get(cookie_name(request), ""), time.time())
        if known is None and self._sessions.asks:
            await self._sign_in(request)(scope, receive, send)
            return
        if known is None:
            known, cookie = self._sessions.new(time.time())
            send = _with_cookie(send, session_cookie(request, cookie, lasting=False))
        scope.setdefault("state", {})["session"] = known
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(OPEN_FOLDER)

    def _with_token(self, request: Request) -> Response | None:
        """None when the token is right; failed tries are slowed as in the form."""
        who = request.client.host if request.client is not None else ""
        wait = self._tries.wait(who, time.time())
        if wait > 0:
            return PlainTextResponse(
                "Too many wrong tokens: try again later.\n",
                status_code=429,
                headers={"Retry-After": str(int(wait) + 1)},
            )
        kind, _, given = request.headers["authorization"].partition(" ")
        if kind.lower() == "bearer" and self._sessions.right_token(given.strip()):
            self._tries.succeeded(who)
            request.scope.setdefault("state", {})["session"] = Session(id="token", form_token="")
            return None
        self._tries.failed(who, time.time())
        return PlainTextResponse(
            "The token is wrong.\n", status_code=401, headers={"WWW-Authenticate": "Bearer"}
        )


def _with_cookie(send: Send, cookie: Any) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            carrier = Response()
            carrier.set_cookie(**cookie)
            MutableHeaders(scope=message).append("set-cookie", carrier.headers["set-cookie"])
        await send(message)

    return sending


def by_token(session: Session) -> bool:
    """Whether a program with the token asks, whose requests need no form token."""
    return session.id == "token" and not session.form_token
