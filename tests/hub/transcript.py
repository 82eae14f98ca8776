"""The same plain requests put to a Hub, and what its answers look like: status, headers, shape of the JSON.

Two transcripts are compared to say where this Hub and the real one differ in what the client may see.
"""

from __future__ import annotations

from typing import Any

import httpx2

from bot.records import Record

from .conftest import Account

HEADERS = (
    "etag", "x-repo-commit", "x-linked-etag", "x-linked-size", "x-error-message", "link", "location",
    "content-range", "x-total-count",
)  # fmt: skip


class Ask(Record, frozen=True):
    """One request with the status and X-Error-Code it should get; {repo} and so on are filled in."""

    status: int
    code: str | None
    method: str
    path: str
    anonymous: bool = False
    token: str | None = None
    json: dict[str, Any] | None = None
    range: str | None = None

    @property
    def title(self) -> str:
        who = " (anonymous)" if self.anonymous else " (wrong token)" if self.token else ""
        return f"{self.method} {self.path}{who}"


class Seen(Record, frozen=True):
    """What an answer looked like."""

    status: int
    error_code: str | None
    headers: frozenset[str]
    shape: frozenset[str]


def ask(
    status: int, code: str | None, method: str, path: str, *, anonymous: bool = False,
    token: str | None = None, json: dict[str, Any] | None = None, range_: str | None = None,
) -> Ask:  # fmt: skip
    """A row of the table below."""
    return Ask(
        status=status, code=code, method=method, path=path, anonymous=anonymous, token=token, json=json,
        range=range_,
    )  # fmt: skip


MODEL = "/api/models/{repo}"
BAD_CARD = {"content": "---\nlicense: x\n---", "repoType": "model"}
ASKS = (
    ask(200, None, "GET", "/api/whoami-v2"),
    ask(401, None, "GET", "/api/whoami-v2", anonymous=True),
    ask(401, None, "GET", "/api/whoami-v2", token="wrong"),
    ask(200, None, "GET", MODEL),
    ask(401, None, "GET", MODEL, token="wrong"),
    ask(200, None, "GET", MODEL + "?blobs=true&securityStatus=true"),
    ask(200, None, "GET", MODEL + "?expand=sha&expand=cardData"),
    ask(404, "RevisionNotFound", "GET", MODEL + "/revision/nowhere"),
    ask(404, "RepoNotFound", "GET", "/api/models/{missing}"),
    ask(401, "RepoNotFound", "GET", "/api/models/{missing}", anonymous=True),
    ask(401, "RepoNotFound", "GET", "/api/models/{private}", anonymous=True),
    ask(200, None, "GET", MODEL + "/tree/main?recursive=true&expand=true"),
    ask(200, None, "GET", MODEL + "/tree/main?limit=1"),
    ask(404, "EntryNotFound", "GET", MODEL + "/tree/main/nofolder"),
    ask(200, None, "GET", MODEL + "/refs"),
    ask(200, None, "GET", MODEL + "/commits/main"),
    ask(200, None, "POST", MODEL + "/paths-info/main", json={"paths": ["README.md", "none"]}),
    ask(200, None, "GET", "/api/models?author={owner}&limit=1&sort=lastModified&full=true"),
    ask(200, None, "GET", "/api/collections?owner={owner}&limit=1"),
    ask(200, None, "HEAD", "/{repo}/resolve/main/README.md"),
    ask(200, None, "HEAD", "/{repo}/resolve/main/a.bin"),
    ask(206, None, "GET", "/{repo}/resolve/main/README.md", range_="bytes=0-3"),
    ask(404, "EntryNotFound", "GET", "/{repo}/resolve/main/none.txt"),
    ask(404, "RevisionNotFound", "GET", "/{repo}/resolve/nowhere/README.md"),
    ask(404, "RepoNotFound", "GET", "/{missing}/resolve/main/README.md"),
    ask(401, "RepoNotFound", "GET", "/{missing}/resolve/main/README.md", anonymous=True),
    ask(401, None, "POST", "/api/repos/create", json={"name": "x"}, anonymous=True),
    ask(409, None, "POST", MODEL + "/branch/main", json={}),
    ask(400, None, "POST", MODEL + "/branch/a..b", json={}),
    ask(403, None, "DELETE", MODEL + "/branch/main"),
    ask(404, "RevisionNotFound", "DELETE", MODEL + "/branch/nowhere"),
    ask(401, "RepoNotFound", "PUT", MODEL + "/settings", json={"visibility": "private"}, anonymous=True),
    ask(404, None, "DELETE", "/api/collections/{owner}/none-000000000000000000000000"),
    ask(400, None, "POST", "/api/validate-yaml", json=BAD_CARD),
)  # fmt: skip


def transcript(account: Account) -> dict[str, Seen]:
    """Prepare a repo, put every request to the Hub, and note how it answers."""
    repo, private, missing = account.new_repo(), account.new_repo(private=True), account.fresh()
    card = b"---\nlicense: mit\ntags: [mlx]\n---\n# A card\n"
    account.api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo)
    account.api.upload_file(path_or_fileobj=b"\0" * 1000, path_in_repo="a.bin", repo_id=repo)
    names = {"repo": repo, "private": private, "missing": missing, "owner": account.namespace}
    with httpx2.Client(base_url=account.api.endpoint, timeout=60) as http:
        return {ask.title: _put(http, ask, names, str(account.api.token)) for ask in ASKS}


def _put(http: httpx2.Client, ask: Ask, names: dict[str, str], token: str) -> Seen:
    headers = {"Range": ask.range} if ask.range else {}
    if not ask.anonymous:
        headers["Authorization"] = f"Bearer {ask.token or token}"
    is_head = ask.method == "HEAD"
    answer = http.request(
        ask.method, ask.path.format(**names), headers=headers, json=ask.json, follow_redirects=not is_head
    )
    # The real Hub sends a client on to its storage; this one serves from where it is.
    status = 200 if is_head and answer.is_redirect else answer.status_code
    is_json = "json" in answer.headers.get("content-type", "") and not is_head
    return Seen(
        status=status,
        error_code=answer.headers.get("x-error-code"),
        headers=frozenset(name for name in HEADERS if name in answer.headers),
        shape=frozenset(shape(answer.json())) if is_json else frozenset(),
    )


def shape(value: Any, place: str = "$") -> set[str]:
    """Every place in a JSON value with its kind: `$.siblings[].size: number`."""
    if isinstance(value, dict):
        return {f"{place}: object"}.union(*(shape(v, f"{place}.{k}") for k, v in value.items()))
    if isinstance(value, list):
        return {f"{place}: list"}.union(*(shape(v, f"{place}[]") for v in value))
    kinds: dict[type, str] = {bool: "bool", int: "number", float: "number", str: "text", type(None): "null"}
    return {f"{place}: {kinds[type(value)]}"}


def differences(real: dict[str, Seen], loopback: dict[str, Seen]) -> list[str]:
    """One line for each thing that is not the same."""
    found = []
    for title, theirs in real.items():
        ours = loopback[title]
        if theirs.status != ours.status:
            found.append(f"{title}: status {theirs.status} there, {ours.status} here")
        if theirs.error_code != ours.error_code:
            found.append(f"{title}: X-Error-Code {theirs.error_code} there, {ours.error_code} here")
        for kind, there, here in (
            ("header", theirs.headers, ours.headers),
            ("JSON", theirs.shape, ours.shape),
        ):
            found += [f"{title}: {kind} {name} is missing here" for name in sorted(there - here)]
            found += [f"{title}: {kind} {name} is only here" for name in sorted(here - there)]
    return found
