"""Webhooks: the Hub tells, the bot looks at once; whoever is not the Hub gets one sentence."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import uvicorn
from huggingface_hub import HfApi
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.errors import HubUnavailable, NotFound, UsageError
from bot.hub.process import LoopbackHub
from bot.journal import repos
from bot.journal.repos import forget_delivery, take_delivery
from bot.watch.found import SweepResult
from bot.watch.sweep import look_at
from bot.watch.webhook import LARGEST, Delivery, is_secret, parse, routes, secret_from_environment, why_not

from .conftest import Upstream, said

SECRET = "a secret that was typed on the Hub"
PAYLOAD: dict[str, Any] = {
    "event": {"action": "update", "scope": "repo.content"},
    "repo": {
        "type": "model",
        "name": "some-user/some-repo",
        "id": "6366c000a2abcdf2fd69a080",
        "private": False,
        "url": {"web": "https://huggingface.co/x", "api": "https://huggingface.co/api/models/x"},
        "headSha": "c379e821c9c95d613899e8c4343e4bfee2b0c600",
        "tags": ["license:other", "has_space"],
        "owner": {"id": "61d2000c3c2083e1c08af22d"},
    },
    "updatedRefs": [
        {"ref": "refs/heads/main", "oldSha": "ce9a4674fa83", "newSha": "575db8b7a51b"},
        {"ref": "refs/tags/test", "oldSha": None, "newSha": "575db8b7a51b"},
    ],
    "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
}
"""As the Hub's documentation shows it."""


def told(**changes: Any) -> bytes:
    return json.dumps(PAYLOAD | changes).encode()


@contextlib.contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application on a port of this machine, in a thread; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def delivered(hub: LoopbackHub, number: int) -> list[tuple[str, int]]:
    """The Hub's first `number` deliveries, waited for: event and answer."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [(one.event, one.status) for one in hub.deliveries()]
        if len(found) >= number:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {number} deliveries: {hub.deliveries()}")


# ------------------------------------------------------------------ from end to end


def test_a_commit_on_the_hub_is_a_change_here_by_its_webhook(upstream: Upstream) -> None:
    """The real client registers the webhook, commits, moves and deletes; the Hub tells with the secret; each
    event becomes a change with one request, before any sweep."""
    found: list[SweepResult] = []
    watchlist = upstream.watch()

    def on_repo(repo: str) -> None:
        found.append(look_at(watchlist, upstream.door, upstream.journal, repo, upstream.now))
        upstream.take_up(found[-1])

    api = HfApi(endpoint=upstream.hub.endpoint, token=f"hf_{upstream.author}")
    repo, to = f"{upstream.author}/m", f"{upstream.author}/m2"
    upstream.add("m")
    upstream.settled()
    before = len(upstream.hub.deliveries())
    with served(Starlette(routes=routes(upstream.journal, SECRET, on_repo))) as address:
        hook = api.create_webhook(
            url=f"{address}/webhook",
            watched=[{"type": "user", "name": upstream.author}],
            domains=["repo"],
            secret=SECRET,
        )
        assert [one.id for one in api.list_webhooks()] == [hook.id]
        steps: list[tuple[str, Callable[[], object]]] = [
            ("repo.content update", lambda: api.upload_file(
                path_or_fileobj=b"[]", path_in_repo="tokenizer.json", repo_id=repo
            )),
            ("repo.config update", lambda: api.update_repo_settings(repo, gated="manual")),
            ("repo move", lambda: api.move_repo(repo, to)),
            ("repo delete", lambda: api.delete_repo(to)),
        ]  # fmt: skip
        for number, (event, step) in enumerate(steps, start=1):
            step()
            assert delivered(upstream.hub, before + number)[-1] == (event, 202)
        api.delete_webhook(hook.id)
    assert said(found[0].changes) == [(repo, "tokenizer")]
    assert [change.kind for one in found for change in one.changes] == [
        "tokenizer",
        "license",
        "renamed",
        "gone",
    ]
    assert all(one.requests == 1 for one in found)


# ------------------------------------------------------------------ who is not the Hub


@pytest.fixture
def looked() -> list[str]:
    return []


@pytest.fixture
def client(upstream: Upstream, looked: list[str]) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(upstream.journal, SECRET, looked.append))) as client:
        yield client


def post(client: TestClient, body: bytes, secret: str | None = SECRET) -> tuple[int, str]:
    headers = {} if secret is None else {"X-Webhook-Secret": secret}
    answer = client.post("/webhook", content=body, headers=headers)
    return answer.status_code, answer.json()["said"]


def test_a_delivery_is_taken_once(client: TestClient, looked: list[str]) -> None:
    """The same bytes once more are a replay and are refused; other bytes are another event."""
    assert post(client, told())[0] == 202
    status, sentence = post(client, told())
    assert status == 409
    assert "taken before" in sentence
    assert post(client, told(updatedRefs=[]))[0] == 202
    assert looked == ["some-user/some-repo"] * 2


REFUSED: list[tuple[str, bytes, str | None, int, str]] = [
    ("no secret", told(), None, 401, "secret"),
    ("a wrong secret", told(), SECRET + "x", 401, "secret"),
    ("an empty secret", told(), "", 401, "secret"),
    ("too large", told(more="x" * LARGEST), SECRET, 400, "too large"),
    ("no JSON", b"{", SECRET, 400, "no delivery"),
    ("another shape", b'{"event": "x"}', SECRET, 400, "no delivery"),
    ("deep nesting", b'{"x": ' + b"[" * 100_000, SECRET, 400, "no delivery"),
    ("another version", told(webhook={"id": "x", "version": 4}), SECRET, 400, "version 4"),
    ("a path as name", told(repo={"type": "model", "name": "../../etc"}), SECRET, 400, "owner/name"),
    ("a new line", told(repo={"type": "model", "name": "a/b\nERROR x"}), SECRET, 400, "owner/name"),
]


@pytest.mark.parametrize(("name", "body", "secret", "status", "part"), REFUSED)
def test_what_is_no_delivery_gets_one_sentence(
    client: TestClient,
    looked: list[str],
    name: str,
    body: bytes,
    secret: str | None,
    status: int,
    part: str,
) -> None:
    """Wrong secret, size and shape are refused before anything is looked at, and the secret is not said."""
    answer, sentence = post(client, body, secret)
    assert (answer, looked) == (status, [])
    assert part in sentence
    assert SECRET not in sentence
    assert post(client, told())[0] == 202, "the door stays open"


NOTHING: list[dict[str, Any]] = [
    {"event": {"action": "create", "scope": "discussion"}},
    {"event": {"action": "update", "scope": "discussion.comment"}},
    {"repo": {"type": "dataset", "name": "a/b"}},
    {"updatedRefs": [{"ref": "refs/pr/3", "oldSha": None, "newSha": "575db8b7a51b"}]},
]


@pytest.mark.parametrize("changes", NOTHING)
def test_what_changes_no_model_is_taken_and_left(
    client: TestClient, looked: list[str], changes: dict[str, Any]
) -> None:
    """Comments, datasets and pull requests are no errors of the Hub's, and cost no look."""
    assert post(client, told(**changes))[0] == 200
    assert looked == []


def test_a_narrower_scope_is_what_its_broader_one_is(client: TestClient, looked: list[str]) -> None:
    """Scopes that the Hub adds later count as updates of the scope they belong to."""
    assert post(client, told(event={"action": "update", "scope": "repo.config.dois"}))[0] == 202
    assert looked == ["some-user/some-repo"]


def test_without_a_secret_there_is_no_webhook(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody set a secret: the route answers 404, and an empty variable is none."""
    monkeypatch.setenv("BOT_WEBHOOK_SECRET", "")
    secret = secret_from_environment()
    with TestClient(Starlette(routes=routes(upstream.journal, secret, print))) as client:
        assert client.post("/webhook", content=told(), headers={"X-Webhook-Secret": ""}).status_code == 404


def test_what_cannot_be_looked_at_now_may_be_sent_again(upstream: Upstream) -> None:
    """A Hub that is down makes no replay of the next try; a repo that is not watched is no error."""
    answers: list[Exception | None] = [HubUnavailable("down"), None, NotFound("a/b is not watched")]

    def on_repo(repo: str) -> None:
        error = answers.pop(0)
        if error is not None:
            raise error

    with TestClient(Starlette(routes=routes(upstream.journal, SECRET, on_repo))) as client:
        assert [post(client, told())[0] for _ in range(3)] == [503, 202, 409]
        assert post(client, told(updatedRefs=[])) == (200, "a/b is not watched")


def test_a_stream_without_end_is_cut_off(upstream: Upstream) -> None:
    """A body that announces no length is read to the limit and no further."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    with (
        served(Starlette(routes=routes(upstream.journal, SECRET, print))) as address,
        contextlib.suppress(httpx2.TransportError),
    ):
        answer = httpx2.post(f"{address}/webhook", content=endless(), headers={"X-Webhook-Secret": SECRET})
        assert answer.status_code == 400
    assert sent < 40 * LARGEST


def test_deliveries_are_bounded(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest deliveries are forgotten; the newest are known."""
    monkeypatch.setattr(repos, "DELIVERIES_KEPT", 3)
    assert all(take_delivery(upstream.journal, f"{n}", float(n)) for n in range(6))
    assert [take_delivery(upstream.journal, f"{n}", 9.0) for n in (5, 4, 3)] == [False] * 3
    assert take_delivery(upstream.journal, "0", 9.0)
    forget_delivery(upstream.journal, "0")
    assert take_delivery(upstream.journal, "0", 9.0)


# ------------------------------------------------------------------ pure


def test_the_documented_payload_is_read() -> None:
    """What the Hub's documentation shows is a delivery about a model that is worth a look."""
    found = parse(told())
    assert (found.repo.name, found.repo.head_sha) == ("some-user/some-repo", PAYLOAD["repo"]["headSha"])
    assert why_not(found) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["event", "repo", "webhook", "updatedRefs", "action", "scope", "type", "name", "id", "version", "ref"]
    ), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_delivery_or_one_sentence(body: bytes) -> None:
    """Nothing that is posted makes the parser fail in another way."""
    with contextlib.suppress(UsageError):
        assert isinstance(parse(body), Delivery)


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_only_the_secret_is_the_secret(given_: str, secret: str) -> None:
    """Any other text is refused, whatever its alphabet."""
    assert is_secret(given_, secret) == (given_ == secret)
    assert is_secret(secret, secret)
    assert not is_secret(None, secret)
