"""What a Hub client's errors mean, and which of them are worth waiting out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
import tenacity
from huggingface_hub.errors import (
    BadRequestError,
    DisabledRepoError,
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from bot.errors import BotError, HubUnavailable, NeedsPerson, NotAllowed, NotFound, UsageError

T = TypeVar("T")

PATIENCE = 3600.0
"""Seconds for which rate limits and outages are waited out, all together, for one request."""


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind a client error, when there is one."""
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)


def translated(error: Exception, what: str) -> BotError:
    """The BotError for an error of the Hub client. `what` names the repo or the request for the sentence."""
    status = status_of(error)
    if isinstance(error, GatedRepoError):
        return NeedsPerson(
            f"{what} is gated: accept its terms on its page with this account, then run it again"
        )
    if isinstance(error, DisabledRepoError):
        return NeedsPerson(f"{what} was disabled by the Hub: look at its page for the reason")
    if isinstance(error, RevisionNotFoundError):
        return NotFound(f"{what} has no such revision: check the commit, branch or tag")
    if isinstance(error, RepositoryNotFoundError):
        return NotFound(
            f"{what} is not on the Hub, or is private and the token may not read it: check the name"
        )
    if isinstance(error, (LocalEntryNotFoundError, OfflineModeIsEnabled, IncompleteSnapshotError)):
        return HubUnavailable(f"the Hub did not answer about {what}: check the network and HF_ENDPOINT")
    if isinstance(error, EntryNotFoundError):
        return NotFound(f"{what} lacks a file that was asked for")
    if isinstance(error, (HFValidationError, BadRequestError)):
        return UsageError(f"the Hub refuses {what} as it is written: a repo is named owner/name")
    if status == 401:
        return NotAllowed(f"the Hub refuses the token for {what}: set HF_TOKEN to a valid one")
    if status == 403:
        return NotAllowed(
            f"the Hub forbids {what}{_reason(error)}: check the token's rights and the storage limit"
        )
    if status == 409:
        return NeedsPerson(f"{what} stands on the Hub already and was not made here")
    if status == 412:
        return NeedsPerson(
            f"{what} was changed on the Hub by somebody else meanwhile: run it again to see how"
        )
    if status == 429:
        return HubUnavailable(f"the Hub limits the rate of requests ({what}): wait and run it again")
    if isinstance(error, (HfHubHTTPError, FileMetadataError, httpx2.HTTPError)):
        cause = f"answered {status}" if status else "cannot be reached"
        return HubUnavailable(f"the Hub {cause} ({what}): try again later; a run goes on by `bot retry`")
    return BotError(f"{what}: {type(error).__name__}")


def _reason(error: Exception) -> str:
    message = getattr(error, "server_message", None)
    return f" ({' '.join(str(message).split())[:200]})" if message else ""


FOREIGN = (
    HfHubHTTPError, HFValidationError, EntryNotFoundError, OfflineModeIsEnabled, FileMetadataError,
    httpx2.HTTPError,
)  # fmt: skip


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn the client's errors inside the block into BotErrors about `what`."""
    try:
        yield
    except FOREIGN as error:
        raise translated(error, what) from error


def _worth_waiting(error: BaseException) -> bool:
    status = status_of(error)
    if isinstance(error, HfHubHTTPError):
        return status == 429 or (status is not None and status >= 500)
    return isinstance(error, (httpx2.TransportError, ConnectionError))


def _seconds_to_wait(state: tenacity.RetryCallState) -> float:
    """As long as the Hub says (Retry-After, or RateLimit's t=), else 1, 2, 4 … 60 seconds."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", {})
    told = headers.get("Retry-After", "")
    if not told.isdigit():
        told = next((p[2:] for p in headers.get("RateLimit", "").split(";") if p.startswith("t=")), "")
    return float(told) + 0.1 if told.isdigit() else float(min(60, 2 ** (state.attempt_number - 1)))


def patiently(call: Callable[[], T], what: str, *, patience: float = PATIENCE, attempts: int = 6) -> T:
    """`call()`, waiting out rate limits as told and outages for a while; a 403 stops at once.

    Raises the translated BotError when the patience or the attempts are used up.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_waiting),
        wait=_seconds_to_wait,
        stop=tenacity.stop_after_delay(patience) | tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
    with translate_errors(what):
        return retrying(call)
