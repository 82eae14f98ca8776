"""Ask an OpenAI-compatible server for one answer: the only place of the review that opens a connection.

Streamed where the server streams. Everything is bounded: the time for the whole answer, the silence in
the middle of a stream, the bytes that are read. Whatever goes wrong leaves as NoReview.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx2
import tenacity

from bot import loopback
from bot.errors import Cancelled
from bot.review.llm.completion import Piece, error_text, piece
from bot.review.llm.reviewed import NoReview
from bot.review_settings import ReviewSettings

CONNECT = 10.0
"""Seconds for making a connection."""
TRIES = 3
"""How often a connection that fails is made, and a server that is busy is asked."""
MOST_BYTES = 32 * 2**20
"""Of an answer as it comes over the line; an event of a stream carries a few letters in 300 bytes."""
MOST_TEXT = 400_000
"""Characters of text and thoughts in one answer."""
_BUSY = (429, 502, 503, 504)


Message = dict[str, str]
"""One turn of a chat: `role` and `content`."""


class _TryAgain(Exception):  # noqa: N818  it says what to do
    """The server is busy, or the connection broke: `why` is told when it stays so."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


def ask(
    settings: ReviewSettings, messages: Sequence[Message], cancelled: Callable[[], bool] = lambda: False
) -> Piece:
    """The server's answer to this chat; `finish` is "length" where it was cut at `max_tokens`.

    `cancelled` is asked about once a second. Raises NoReview, and Cancelled.
    """
    key = _key(settings)
    endpoint = settings.endpoint or ""
    if os.environ.get(loopback.VARIABLE) == "1" and not loopback.is_loopback_url(endpoint):
        raise NoReview("a rehearsal talks to this machine only, and the endpoint is another")
    try:
        answer = asyncio.run(_watched(settings, messages, key, cancelled))
    except NoReview as error:
        if key and key in str(error):
            raise NoReview("the endpoint answered with an error that holds the key") from None
        raise
    if key and key in answer.text:
        raise NoReview("the endpoint sent the key back")
    return answer


def _key(settings: ReviewSettings) -> str | None:
    if not settings.key_variable:
        return None
    key = os.environ.get(settings.key_variable, "").strip()
    if not key:
        raise NoReview(f"the environment variable {settings.key_variable} holds no key: set it, or leave "
                       "`key_variable` out")  # fmt: skip
    if not (key.isascii() and key.isprintable()):
        raise NoReview(f"the key in {settings.key_variable} has characters that no key has: set it again")
    return key


async def _watched(
    settings: ReviewSettings, messages: Sequence[Message], key: str | None, cancelled: Callable[[], bool]
) -> Piece:
    """The answer, unless the time is over or somebody cancels before."""
    asking = asyncio.create_task(_patiently(settings, messages, key))
    try:
        async with asyncio.timeout(settings.timeout):
            while not (await asyncio.wait({asking}, timeout=1.0))[0]:
                if cancelled():
                    raise Cancelled("cancelled by `bot cancel`")
            return asking.result()
    except TimeoutError:
        raise NoReview(f"the endpoint took more than {settings.timeout:g} seconds") from None
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _patiently(settings: ReviewSettings, messages: Sequence[Message], key: str | None) -> Piece:
    """Ask again where the connection fails or the server is busy, and once in the newer way of saying
    `max_tokens`, where the server wants that."""
    body: dict[str, Any] = {"model": settings.model, "messages": list(messages), "stream": True}
    local = loopback.is_loopback_url(settings.endpoint or "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(settings.timeout, connect=CONNECT)
    async with httpx2.AsyncClient(timeout=timeout, headers=headers, trust_env=not local) as client:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            wait=_seconds_to_wait, stop=tenacity.stop_after_attempt(TRIES), reraise=True,
        )  # fmt: skip
        try:
            try:
                limited = body | {"max_tokens": settings.max_tokens}
                return await retrying(_once, client, settings, limited)
            except _OtherLimit:
                limited = body | {"max_completion_tokens": settings.max_tokens}
                return await retrying(_once, client, settings, limited)
        except _TryAgain as error:
            raise NoReview(str(error)) from None


def _seconds_to_wait(state: tenacity.RetryCallState) -> float:
    """As long as the server says, else a quarter and a half of a second."""
    error = state.outcome.exception() if state.outcome else None
    told = error.wait if isinstance(error, _TryAgain) else None
    return told if told is not None else 0.25 * 2.0 ** (state.attempt_number - 1)


async def _once(client: httpx2.AsyncClient, settings: ReviewSettings, body: dict[str, Any]) -> Piece:
    url = (settings.endpoint or "").rstrip("/") + "/chat/completions"
    try:
        async with client.stream("POST", url, json=body, headers={"Accept": "text/event-stream"}) as response:
            if response.status_code != 200:
                await _refused(response)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "text/event-stream":
                return await _streamed(response, settings.silence)
            if kind in ("text/html", "application/xhtml+xml"):
                raise NoReview("the endpoint answered with a web page: its URL, as a rule, ends in /v1")
            return _whole(await _bounded(response))
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        raise _TryAgain("the endpoint cannot be reached: start it, or mend `endpoint`") from None
    except httpx2.TimeoutException:
        raise NoReview(f"the endpoint took more than {settings.timeout:g} seconds") from None
    except httpx2.SSEError:
        raise NoReview("the endpoint sent what is no stream of events") from None
    except (httpx2.TransportError, httpx2.DecodingError):
        raise _TryAgain("the endpoint closed the connection in the middle of its answer") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError):
        raise NoReview("the endpoint's answer could not be read") from None


class _OtherLimit(Exception):  # noqa: N818
    """The server wants `max_completion_tokens` for `max_tokens`."""


async def _refused(response: httpx2.Response) -> None:
    """What a status means, in one sentence. What a server says of a wrong key may hold the key: left out."""
    status = response.status_code
    if status in (401, 403):
        raise NoReview(
            f"the endpoint refuses the key (status {status}): set a valid one where `key_variable` says"
        )
    said = error_text(await _bounded(response))
    reason = f", {said}" if said else ""
    if status in _BUSY:
        raise _busy(response, f"the endpoint is busy or down (status {status}{reason})")
    if status == 404:
        raise NoReview(f"the endpoint does not know this address or this model (status 404{reason})")
    if status == 400 and "max_completion_tokens" in said and b'"max_tokens"' in response.request.content:
        raise _OtherLimit
    raise NoReview(f"the endpoint answered with status {status}{reason}")


def _busy(response: httpx2.Response, why: str) -> Exception:
    """To be asked again, unless it says itself that this takes more than some seconds."""
    told = response.headers.get("retry-after", "")
    wait = float(told) if told.isascii() and told.isdigit() else None
    return NoReview(f"{why}: it wants {told} seconds of rest") if wait and wait > 20 else _TryAgain(why, wait)


async def _bounded(response: httpx2.Response) -> bytes:
    """The body. Raises NoReview for one that is larger than any answer."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise NoReview("the endpoint sent more than any review has")
    return bytes(body)


def _whole(body: bytes) -> Piece:
    if not body.strip():
        raise NoReview("the endpoint sent nothing")
    return piece(body)


async def _streamed(response: httpx2.Response, silence: float) -> Piece:
    """The pieces of a stream put together. The first one may take long: the server reads the prompt."""
    texts: list[str] = []
    size = 0
    async for data in _events(response, silence):
        if data.strip() == "[DONE]":
            return Piece(text="".join(texts), finish="stop")
        found = piece(data)
        texts.append(found.text)
        size += len(found.text) + found.thought
        if size > MOST_TEXT:
            raise NoReview("the endpoint sent more than any review has")
        if found.finish:
            return Piece(text="".join(texts), finish=found.finish)
    raise _TryAgain("the endpoint's stream ended in the middle")


async def _events(response: httpx2.Response, silence: float) -> AsyncIterator[str]:
    """The data of each event. Raises NoReview when nothing comes for `silence` seconds after the first."""
    events = aiter(httpx2.EventSource(response))
    wait: float | None = None
    while True:
        try:
            async with asyncio.timeout(wait):
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise NoReview(f"the endpoint fell silent for {silence:g} seconds in its answer") from None
        wait = silence
        if response.num_bytes_downloaded > MOST_BYTES:
            raise NoReview("the endpoint sent more than any review has")
        if event.data:
            yield event.data
