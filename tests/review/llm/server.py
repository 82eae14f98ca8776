"""A language-model server on 127.0.0.1 that does what its script says: streams, stalls, lies, breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Act = Callable[[dict[str, Any]], Response]
"""What the server does with one request, given its JSON body."""

EVENTS = "text/event-stream; charset=utf-8"


class LlmServer:
    """A running server. Each request takes the next act of the script; the last one stays."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[Act] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def will(self, *acts: Act) -> str:
        """Set the script, forget what was asked, and give the URL."""
        self.script, self.bodies, self.headers = list(acts), [], []
        return self.url

    async def answer(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return act(self.bodies[-1])

    @property
    def prompts(self) -> list[str]:
        """The last turn of each chat that came."""
        return [body["messages"][-1]["content"] for body in self.bodies]


@contextlib.contextmanager
def running() -> Iterator[LlmServer]:
    """A server in a thread of this process, on a free port."""
    place = socket.create_server(("127.0.0.1", 0))
    serving = LlmServer(f"http://127.0.0.1:{place.getsockname()[1]}/v1")
    app = Starlette(routes=[Route("/v1/chat/completions", serving.answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
    thread.start()
    try:
        yield serving
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def event(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of a stream."""
    delta = {"content": text, **more} if text is not None else more
    chunk = {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def pieces(text: str) -> list[bytes]:
    """A text as chunks of a few letters, as models write."""
    return [event("", role="assistant"), *(event(text[at : at + 7]) for at in range(0, len(text), 7))]


def streams(text: str, finish: str = "stop", done: bool = True) -> Act:
    """A whole answer, streamed."""
    end = [event(finish=finish), b"data: [DONE]\n\n"] if done else [event(finish=finish)]
    return sends([*pieces(text), *end])


def sends(chunks: list[bytes], then: Callable[[], Awaitable[None]] | None = None) -> Act:
    """These bytes as a stream of events, and then whatever `then` does."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if then is not None:
            await then()

    return lambda _: StreamingResponse(body(), media_type=EVENTS)


async def stall() -> None:
    await asyncio.sleep(60)


async def hang_up() -> None:
    raise ConnectionResetError("closed on purpose")


def endless(chunk: bytes) -> Act:
    """The same bytes for ever."""

    async def body() -> AsyncIterator[bytes]:
        while True:
            yield chunk
            await asyncio.sleep(0)

    return lambda _: StreamingResponse(body(), media_type=EVENTS)


def never_answers(_: dict[str, Any]) -> Response:
    """Takes the request and says nothing at all."""

    class Silent(Response):
        async def __call__(self, *_: Any) -> None:
            await stall()

    return Silent()


def whole(text: str | None, finish: str = "stop") -> Act:
    """A whole answer as plain JSON: this server does not stream."""
    message = {"role": "assistant", "content": text}
    return lambda _: JSONResponse({"choices": [{"message": message, "finish_reason": finish}]})


def gives(
    body: bytes | str,
    status: int = 200,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Act:
    """Any body with any status."""
    return lambda _: Response(body, status, media_type=kind, headers=headers)


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Act:
    """An error as OpenAI's API words it."""
    return gives(json.dumps({"error": {"message": message}}), status, headers=headers)
