"""Failing on demand, and a log of what was asked: for tests, over /_loopback/.

A `Fault` waits for requests that match its method and path (a regular expression,
searched in the path as sent), lets `skip` of them pass, strikes `times` of them and
is gone. Faults live in the server process; a restart forgets them.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.hub.answers import answer
from bot.records import Record

CONTROL = "/_loopback/"
UPLOADS = "/_loopback/lfs/"
LOG_LENGTH = 100_000


class Fault(Record, frozen=True):
    """What goes wrong.

    rate_limit  429 with Retry-After and the Hub's RateLimit headers, `seconds` (whole) to wait
    error       `status` (and the Hub's X-Error-Code, where `code` is given), nothing done
    cut         the connection ends after `at` bytes of the answer (side=response: the work is done), or of
                the upload (side=request: it is not). A HEAD has no body to cut and is left alone
    slow        `seconds` pass before the request is looked at
    flip        one bit of byte `at` is wrong, in the answer or in the upload; in a commit, in the content of
                the first regular file whose path matches `file`
    """

    kind: Literal["rate_limit", "error", "cut", "slow", "flip"]
    path: str = ""
    method: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    seconds: float = 1.0
    at: int = 0
    side: Literal["request", "response"] = "response"
    file: str = ""
    code: str = ""

    def matches(self, method: str, path: str) -> bool:
        if self.kind == "cut" and method == "HEAD":
            return False
        return self.method in ("", method) and re.search(self.path, path) is not None


class Logged(Record, frozen=True):
    """One request: `status` is 0 when it was cut off before an answer; `fault` what struck it."""

    method: str
    path: str
    query: str
    status: int
    fault: str | None = None


class FaultBoard:
    """The armed faults and the log of one server."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self.in_flight = 0

    async def settled(self, patience: float = 2.0) -> None:
        """Wait until what a client has in full is in the log: a request is logged after its answer."""
        end = asyncio.get_running_loop().time() + patience
        while self.in_flight and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.005)

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault for this request, counted down."""
        for place, fault in enumerate(self.armed):
            if not fault.matches(method, path):
                continue
            if fault.skip > 0:
                self.armed[place] = msgspec.structs.replace(fault, skip=fault.skip - 1)
                continue
            if fault.times > 1:
                self.armed[place] = msgspec.structs.replace(fault, times=fault.times - 1)
            else:
                del self.armed[place]
            return fault
        return None


class Faults:
    """The middleware that lets the board's faults strike and keeps its log."""

    def __init__(self, app: ASGIApp, board: FaultBoard) -> None:
        self._app = app
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or (path.startswith(CONTROL) and not path.startswith(UPLOADS)):
            await self._app(scope, receive, send)
            return
        fault = self._board.strike(scope["method"], path)
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._board.in_flight += 1
        try:
            await self._serve(fault, scope, receive, noting)
        finally:
            self._board.in_flight -= 1
            # An upload's address is the right to it, and no business of the log.
            query = "" if path.startswith(UPLOADS) else scope["query_string"].decode("latin-1")
            kind = fault.kind if fault else None
            self._board.log.append(
                Logged(method=scope["method"], path=path, query=query, status=status, fault=kind)
            )

    async def _serve(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind in ("rate_limit", "error"):
            await _all_of(receive)  # a client in the middle of sending would miss the answer
            await _refusal(fault)(scope, receive, send)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "cut" and fault.side == "request":
            await _all_of(receive, fault.at)
            await _hang_up(send)
        elif fault.kind == "cut":
            await self._app(scope, receive, _cutting(send, fault.at))
        elif fault.side == "request":
            await self._app(
                scope, _replaced(_flipped_upload(fault, scope["path"], await _all_of(receive))), send
            )
        else:
            await self._app(scope, receive, _flipping(send, fault.at))


def _refusal(fault: Fault) -> Response:
    if fault.kind == "error":
        code = {"X-Error-Code": fault.code} if fault.code else None
        return answer({"error": "the loopback Hub was told to fail"}, status=fault.status, headers=code)
    wait = str(max(0, round(fault.seconds)))
    headers = {
        "Retry-After": wait, "RateLimit": f'"api";r=0;t={wait}',
        "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
    }  # fmt: skip
    return answer({"error": "Too many requests"}, status=429, headers=headers)


async def _all_of(receive: Receive, most: int | None = None) -> bytes:
    """The request's body, or no less than its first `most` bytes."""
    body = b""
    while most is None or len(body) < most:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    return body


def _replaced(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _hang_up(send: Send) -> None:
    # A server that promised a body and ends without it closes the connection.
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


def _content_length(message: Message) -> int:
    return int(dict(message["headers"]).get(b"content-length", b"0"))


def _cutting(send: Send, at: int) -> Callable[[Message], Awaitable[None]]:
    left = at

    async def cut(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            length = max(1, _content_length(message))
            left = min(at, length - 1)
            rest = [(k, v) for k, v in message["headers"] if k != b"content-length"]
            await send({**message, "headers": [*rest, (b"content-length", str(length).encode())]})
            return
        part = message.get("body", b"")[:left]
        left -= len(part)
        if part:
            await send({"type": "http.response.body", "body": part, "more_body": True})

    return cut


def _flip(data: bytes, at: int) -> bytes:
    if not data:
        return data
    at = min(at, len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _flipping(send: Send, at: int) -> Callable[[Message], Awaitable[None]]:
    seen, target = 0, at

    async def flip(message: Message) -> None:
        nonlocal seen, target
        if message["type"] == "http.response.start":
            target = min(at, max(0, _content_length(message) - 1))
        else:
            part = message.get("body", b"")
            if seen <= target < seen + len(part):
                message = {**message, "body": _flip(part, target - seen)}
            seen += len(part)
        await send(message)

    return flip


def _flipped_upload(fault: Fault, path: str, body: bytes) -> bytes:
    if "/commit/" not in path:
        return _flip(body, fault.at)
    lines: list[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode_lines(body)
    for line in lines:
        value = line.get("value", {})
        if line.get("key") == "file" and re.search(fault.file, value.get("path", "")):
            content = _flip(base64.b64decode(value["content"]), fault.at)
            value["content"] = base64.b64encode(content).decode()
            break
    return msgspec.json.Encoder().encode_lines(lines)
