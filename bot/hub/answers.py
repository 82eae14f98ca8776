"""How the Hub says no: a status, an error code for the client, a sentence for the person.

`huggingface_hub` picks its exception by the header `X-Error-Code` (RepoNotFound,
RevisionNotFound, EntryNotFound, GatedRepo) and shows `X-Error-Message`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from bot.errors import BotError


class Refused(BotError):  # noqa: N818  named as its siblings in bot.errors
    """An answer that is no success. `extra` joins the JSON body, `headers` the answer's."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.extra = extra or {}
        self.headers = headers or {}

    def response(self) -> Response:
        headers = {"X-Error-Message": self.message.encode("ascii", "replace").decode(), **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        return answer({"error": self.message, **self.extra}, status=self.status, headers=headers)


def repo_not_found(*, anonymous: bool = False) -> Refused:
    """What a missing repo and a private one of somebody else look like: 401 without a token, else 404.

    The real Hub leaves the code off its 401, and the client then goes by an https:// address, which
    a loopback Hub has not; so the code is always there.
    """
    if anonymous:
        return Refused(401, "Invalid username or password.", "RepoNotFound")
    return Refused(404, "Repository not found", "RepoNotFound")


def revision_not_found(revision: str) -> Refused:
    return Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(path: str, commit: str) -> Refused:
    """A file that is not in that commit; the client remembers its absence by the commit named."""
    return Refused(404, "Entry not found", "EntryNotFound", headers={"X-Repo-Commit": commit})


def answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as JSON."""
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
