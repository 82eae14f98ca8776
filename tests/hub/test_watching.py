"""What who watches the Hub goes by: entity tags of listings, old names, webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from bot.hub.process import LoopbackHub

from .conftest import Account, client
from .examples import status

LISTING: dict[str, Any] = {"sort": "lastModified", "expand": ["sha", "lastModified", "private", "gated"]}


def listing(account: Account, etag: str = "", **more: Any) -> httpx2.Response:
    """The raw answer: the real client has no conditional listing."""
    headers = {"If-None-Match": etag} if etag else {}
    query = LISTING | {"author": account.namespace} | more
    return httpx2.get(f"{account.api.endpoint}/api/models", params=query, headers=headers)


def test_a_listing_that_says_the_same_costs_no_body(account: Account) -> None:
    """With the tag of the former answer a listing is 304 until a repo of it changes, and then 200."""
    repo = account.new_repo()
    first = listing(account)
    assert first.status_code == 200
    tag = first.headers["ETag"]
    same = listing(account, tag)
    assert (same.status_code, same.content) == (304, b"")
    account.api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    changed = listing(account, tag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    assert changed.json()[0]["id"] == repo


def test_the_log_tells_conditional_answers_apart(owner: Account, hub: LoopbackHub) -> None:
    """The loopback Hub counts 304s by their status."""
    owner.new_repo()
    hub.forget_requests()
    listing(owner, listing(owner).headers["ETag"])
    assert [one.status for one in hub.requests()] == [200, 304]


def test_gating_and_visibility_change_the_tag(owner: Account) -> None:
    """What a listing shows beside commits is in its tag: gating, and repos that become private."""
    repo = owner.new_repo()
    tags = [listing(owner).headers["ETag"]]
    for change in ({"gated": "manual"}, {"private": True}):
        owner.api.update_repo_settings(repo, **change)
        tags.append(listing(owner).headers["ETag"])
    assert len(set(tags)) == 3


@pytest.mark.parametrize("more", [{}, {"search": "tuned"}, {"limit": 1}])
def test_a_light_listing_shows_what_a_full_one_does(owner: Account, more: dict[str, Any]) -> None:
    """Fields that need no look into the files are the same, in the same order, as those of whole infos."""
    owner.new_repo()
    owner.api.create_repo(f"{owner.namespace}/tuned", exist_ok=True)
    light = listing(owner, **more).json()
    query: dict[str, Any] = {"author": owner.namespace, "sort": "lastModified", "full": True}
    whole = httpx2.get(f"{owner.api.endpoint}/api/models", params=query | more).json()
    assert light
    assert light == [{name: one[name] for name in light[0]} for one in whole]


def test_an_old_name_leads_to_the_new_one(account: Account) -> None:
    """A moved repo is found under its old name, and says what it is called now; files are, too."""
    repo, target = account.new_repo(), account.fresh()
    account.api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    account.api.move_repo(repo, target)
    assert account.anonymous.model_info(repo, files_metadata=True).id == target
    assert account.anonymous.model_info(repo, revision="main").id == target
    assert account.anonymous.file_exists(repo, "config.json")


def test_an_old_name_that_is_taken_is_its_own(owner: Account, hub: LoopbackHub) -> None:
    """A new repo under the old name ends the redirect; a private target is not given away."""
    repo, target = owner.new_repo(), owner.fresh()
    owner.api.move_repo(repo, target)
    owner.api.update_repo_settings(target, private=True)
    assert owner.api.model_info(repo).id == target
    with pytest.raises(RepositoryNotFoundError):
        client(hub, "bob").model_info(repo)
    owner.api.create_repo(repo)
    assert owner.api.model_info(repo).id == repo


# ------------------------------------------------------------------ webhooks


class Receiver(HTTPServer):
    """Writes down what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait(self, number: int) -> list[tuple[str | None, dict[str, Any]]]:
        end = time.monotonic() + 20
        while len(self.got) < number and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.got) == number
        return self.got


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        self.server.got.append((self.headers["X-Webhook-Secret"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def watched(api: HfApi, receiver: Receiver, owner: str) -> str:
    made = api.create_webhook(
        url=receiver.url, watched=[{"type": "user", "name": owner}], domains=["repo"], secret="hush"
    )
    return made.id


def test_who_watches_is_told_in_the_hubs_format(owner: Account, receiver: Receiver) -> None:
    """Each event arrives once, in order, with the secret: action and scope, repo and head, refs, new name."""
    webhook = watched(owner.api, receiver, owner.namespace)
    repo, target = owner.new_repo(), owner.fresh()
    sha = owner.api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo).oid
    owner.api.update_repo_settings(repo, private=True)
    owner.api.move_repo(repo, target)
    owner.api.delete_repo(target)
    got = receiver.wait(5)
    owner.api.delete_webhook(webhook)
    assert {secret for secret, _ in got} == {"hush"}
    bodies = [body for _, body in got]
    assert [(b["event"]["scope"], b["event"]["action"]) for b in bodies] == [
        ("repo", "create"),
        ("repo.content", "update"),
        ("repo.config", "update"),
        ("repo", "move"),
        ("repo", "delete"),
    ]
    assert [b["repo"]["name"] for b in bodies] == [repo] * 4 + [target]
    assert bodies[1]["repo"]["headSha"] == sha
    assert bodies[1]["updatedRefs"][0]["ref"] == "refs/heads/main"
    assert bodies[1]["updatedRefs"][0]["newSha"] == sha
    assert bodies[2]["updatedConfig"] == {"private": True}
    assert bodies[2]["repo"]["private"]
    assert bodies[3]["movedTo"]["name"] == target
    assert {(b["webhook"]["id"], b["webhook"]["version"]) for b in bodies} == {(webhook, 3)}


def test_who_does_not_watch_is_told_nothing(owner: Account, receiver: Receiver, hub: LoopbackHub) -> None:
    """A webhook for another account, and one that was deleted, stay silent; strangers see neither."""
    other = watched(owner.api, receiver, "somebody-else")
    mine = watched(owner.api, receiver, owner.namespace)
    assert {hook.id for hook in owner.api.list_webhooks()} >= {other, mine}
    assert client(hub, "bob").list_webhooks() == []
    owner.api.delete_webhook(mine)
    owner.new_repo()
    owner.api.delete_webhook(other)
    with pytest.raises(HfHubHTTPError) as error:
        owner.api.get_webhook(mine)
    assert status(error) == 404
    assert receiver.got == []


def test_a_loopback_hub_tells_this_machine_only(owner: Account) -> None:
    """A webhook to any other address is refused."""
    for url in ("https://example.org/hook", "ftp://127.0.0.1/hook", "file:///etc/passwd"):
        with pytest.raises(HfHubHTTPError) as error:
            owner.api.create_webhook(url=url, watched=[{"type": "user", "name": owner.namespace}])
        assert status(error) == 400
