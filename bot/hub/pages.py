"""Pages for a person's browser: all repos, one repo with its card, one collection. Public ones only."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from bot.hub import describe, metadata
from bot.hub.answers import Refused
from bot.hub.call import Call
from bot.hub.collections_store import StoredCollection
from bot.hub.reading import FOLDERS, Kind

LOG_SHOWN = 20
_FOLDING = re.compile(r"(?:<p>)?&lt;(/?(?:details|summary))&gt;(?:</p>)?")
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.ChainableUndefined,
    trim_blocks=True,
)
# Cards come from anywhere: no HTML of theirs, no scripts, nothing but what this Hub serves.
_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'self'"


def render_card(card: str) -> Markup:
    """A README's Markdown as HTML: HTML in it is shown as text, but for folding blocks without attributes."""
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(metadata.body(card))
    return Markup(_FOLDING.sub(r"<\1>", html))  # noqa: S704  all else in it was escaped by the renderer


def _size(bytes_: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if bytes_ >= scale:
            return f"{bytes_ / scale:,.1f} {unit}"
    return f"{bytes_ / 1e3:,.1f} kB"


def _page(name: str, **facts: Any) -> Response:
    return HTMLResponse(
        _PAGES.get_template(name).render(**facts), headers={"Content-Security-Policy": _ALLOWED}
    )


def _is_public(call: Call, kind: Kind, repo: str) -> bool:
    return call.store.exists(kind, repo) and not call.store.settings(kind, repo).private


def _info(call: Call, kind: Kind, repo: str) -> dict[str, Any]:
    info = describe.repo_info(call.store, kind, repo, blobs=True)
    return info | {"size": _size(sum(file["size"] for file in info["siblings"]))}


def _collections(call: Call) -> list[StoredCollection]:
    return [c for c in call.hub.collections.all() if not c.private]


def index(call: Call) -> Response:
    groups = []
    for kind, folder in FOLDERS.items():
        repos = [_info(call, kind, r) for r in call.store.repos(kind) if _is_public(call, kind, r)]
        groups.append((folder.capitalize(), "" if kind == "model" else f"/{folder}", repos))
    return _page("index.html", groups=groups, collections=_collections(call))


def repo(call: Call) -> Response:
    if not _is_public(call, call.kind, call.repo):
        raise Refused(404, f"no public {call.kind} {call.repo} here")
    info = _info(call, call.kind, call.repo)
    has_card = any(file["rfilename"] == "README.md" for file in info["siblings"])
    card = call.store.read_bytes(call.kind, call.repo, "README.md") if has_card else b"*No card.*"
    log = itertools.islice(call.store.log(call.kind, call.repo), LOG_SHOWN)
    member_of = [
        c for c in _collections(call) if any((i.type, i.item) == (call.kind, call.repo) for i in c.items)
    ]
    return _page(
        "repo.html", repo=info, size=info["size"], log=log, collections=member_of,
        card=render_card(card.decode("utf-8", "replace")),
        prefix="/datasets" if call.kind == "dataset" else "",
    )  # fmt: skip


def collection(call: Call) -> Response:
    found = call.hub.collections.get(f"{call.params['owner']}/{call.params['slug']}")
    if found.private:
        raise Refused(404, "no such public collection here")
    kinds: dict[str, Kind] = {"model": "model", "dataset": "dataset"}
    items = [i for i in found.items if i.type not in kinds or _is_public(call, kinds[i.type], i.item)]
    return _page("collection.html", collection=found, items=items)
