"""Every error of the Hub's client becomes a BotError with a class of its own and a sentence."""

from __future__ import annotations

import httpx2
import pytest
from huggingface_hub import errors as client

from bot.errors import BotError, HubUnavailable, NeedsPerson, NotAllowed, NotFound, UsageError
from bot.hub_errors import FOREIGN, patiently, status_of, translated


def answered(kind: type[client.HfHubHTTPError], status: int, **headers: str) -> client.HfHubHTTPError:
    request = httpx2.Request(
        "GET", "http://127.0.0.1/api/models/a/b", headers={"authorization": "Bearer hf_x"}
    )
    return kind("refused", response=httpx2.Response(status, headers=headers, request=request))


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    found = set(kind.__subclasses__())
    return found.union(*(subclasses(sub) for sub in found))


@pytest.mark.parametrize("kind", sorted(subclasses(client.HfHubHTTPError), key=str))
def test_no_http_error_of_the_client_is_unmapped(kind: type[client.HfHubHTTPError]) -> None:
    """A new error class in a new client release lands in a class with an exit code, not in a traceback."""
    error = answered(kind, 400)

    assert isinstance(error, FOREIGN)
    assert type(translated(error, "a/b")) is not BotError


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, NotAllowed), (403, NotAllowed), (409, NeedsPerson), (412, NeedsPerson), (429, HubUnavailable),
        (500, HubUnavailable), (503, HubUnavailable),
    ],
)  # fmt: skip
def test_a_status_has_its_class(status: int, expected: type[BotError]) -> None:
    """What the Hub answers decides how the bot goes on; the sentence names the repo and no token."""
    error = translated(answered(client.HfHubHTTPError, status), "a/b")

    assert type(error) is expected
    assert "a/b" in str(error)
    assert "hf_x" not in str(error)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (client.GatedRepoError, 403, NeedsPerson),
        (client.RepositoryNotFoundError, 404, NotFound),
        (client.RevisionNotFoundError, 404, NotFound),
        (client.BadRequestError, 400, UsageError),
    ],
)
def test_a_named_refusal_has_its_class(
    kind: type[client.HfHubHTTPError], status: int, expected: type[BotError]
) -> None:
    """The client's own names for a refusal come before its status."""
    assert type(translated(answered(kind, status), "a/b")) is expected


def test_a_rate_limit_is_waited_out_as_told_and_a_403_is_not() -> None:
    """Retry-After is obeyed; a 403 ends at once; the number of attempts is bounded."""
    calls: list[int] = []

    def refused_twice() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise answered(client.HfHubHTTPError, 429, **{"Retry-After": "0"})
        return "done"

    assert patiently(refused_twice, "a/b") == "done"
    assert len(calls) == 3

    def forbidden() -> str:
        calls.append(1)
        raise answered(client.HfHubHTTPError, 403)

    with pytest.raises(NotAllowed):
        patiently(forbidden, "a/b")
    assert len(calls) == 4
    assert status_of(answered(client.HfHubHTTPError, 403)) == 403
