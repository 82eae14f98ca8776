"""Webhooks: the Hub says that a repo changed, and the bot looks at once instead of at the next sweep.

The format is the Hub's, version 3: https://huggingface.co/docs/hub/webhooks. A delivery is believed that
something happened to a repo, never what: the bot looks for itself.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.errors import BotError, NotFound, UsageError
from bot.journal.database import Journal
from bot.journal.repos import forget_delivery, take_delivery
from bot.records import Record
from bot.watch.quantities import Repo as RepoName

log = logging.getLogger("bot")

SECRET = "BOT_WEBHOOK_SECRET"  # noqa: S105  the variable's name
"""The environment variable that holds what the webhook's owner typed as its secret on the Hub."""
LARGEST = 1_000_000
"""Bytes of a delivery; the Hub's have a few thousand."""
VERSION = 3


class Event(Record, frozen=True, kw_only=True):
    """`scope`: repo, repo.content, repo.config, discussion, discussion.comment, or a narrower one."""

    action: str
    scope: str


class Repo(Record, frozen=True, kw_only=True, rename="camel"):
    """Of which repo a delivery tells."""

    type: str
    name: str
    head_sha: str | None = None


class UpdatedRef(Record, frozen=True, kw_only=True, rename="camel"):
    """A branch, tag or pull request that is at another commit now."""

    ref: str
    old_sha: str | None = None
    new_sha: str | None = None


class Sender(Record, frozen=True, kw_only=True):
    """Which webhook sent it."""

    id: str
    version: int


class Delivery(Record, frozen=True, kw_only=True, rename="camel"):
    """One delivery, as far as the bot reads it."""

    event: Event
    repo: Repo
    webhook: Sender
    updated_refs: tuple[UpdatedRef, ...] | None = None


def secret_from_environment() -> str | None:
    """The secret, None where none was set: then there is no webhook."""
    return os.environ.get(SECRET) or None


def is_secret(given: str | None, secret: str) -> bool:
    """Whether the header holds the secret, compared in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), secret.encode())


def parse(body: bytes) -> Delivery:
    """The delivery in a body. Raises UsageError, in a sentence, for anything else."""
    if len(body) > LARGEST:
        raise UsageError(f"the delivery has {len(body)} bytes: no more than {LARGEST} are read")
    try:
        found = msgspec.json.decode(body, type=Delivery)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"this is no delivery of a Hub's webhook: {str(error)[:200]}") from None
    if found.webhook.version != VERSION:
        raise UsageError(f"the delivery is of version {found.webhook.version}: this bot reads {VERSION}")
    try:
        RepoName.parse(found.repo.name)
    except ValueError:
        raise UsageError("the delivery names no repo: owner/name is expected") from None
    return found


def why_not(delivery: Delivery) -> str | None:
    """Why nothing is to be looked at, as a sentence; None when the repo is."""
    if delivery.repo.type != "model":
        return f"{delivery.repo.name} is no model"
    if delivery.event.scope.split(".")[0] != "repo":
        return f"a {delivery.event.scope} changes nothing in {delivery.repo.name}"
    refs = delivery.updated_refs
    if refs and all(updated.ref.startswith("refs/pr/") for updated in refs):
        return f"pull requests change nothing in {delivery.repo.name} before they are merged"
    return None


def routes(journal: Journal, secret: str | None, on_repo: Callable[[str], object]) -> list[Route]:
    """The route POST /webhook. `on_repo(repo)` looks at a repo, in a thread, and may take a while.

    It may raise NotFound for one that is not watched. Without a secret the route answers 404. Who posts here
    has no cookie: protection against forged forms does not apply, the secret does.
    """

    async def receive(request: Request) -> Response:
        if secret is None:
            return _said(404, "there is no webhook here")
        if not is_secret(request.headers.get("x-webhook-secret"), secret):
            return _said(401, f"the secret is not the one in {SECRET}")
        try:
            body = await _body(request)
            delivery = parse(body)
        except UsageError as error:
            return _said(400, str(error))
        if reason := why_not(delivery):
            return _said(200, reason)
        return await run_in_threadpool(_take, journal, on_repo, delivery.repo.name, body)

    return [Route("/webhook", receive, methods=["POST"])]


def _take(journal: Journal, on_repo: Callable[[str], object], repo: str, body: bytes) -> Response:
    """Look, once for each delivery; what fails for now may be sent again."""
    digest = hashlib.sha256(body).hexdigest()
    try:
        if not take_delivery(journal, digest, time.time()):
            return _said(409, f"this delivery about {repo} was taken before")
        try:
            on_repo(repo)
        except NotFound as error:
            return _said(200, str(error))
        except BaseException:
            forget_delivery(journal, digest)
            raise
    except BotError as error:
        log.warning("a webhook's delivery about %s came to nothing: %s", repo, error)
        return _said(503, f"{repo} cannot be looked at now")
    return _said(202, f"{repo} is looked at")


async def _body(request: Request) -> bytes:
    """The body. Raises UsageError as soon as it is too large, whatever length was announced."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                raise UsageError(f"the delivery is too large: no more than {LARGEST} bytes are read")
    except ClientDisconnect:
        raise UsageError("the delivery broke off") from None
    return bytes(body)


def _said(status: int, sentence: str) -> Response:
    # Who is refused is hung up on: a server would read and drop the rest of the body for as long as it comes.
    return JSONResponse({"said": sentence}, status, {"Connection": "close"} if status >= 400 else None)
