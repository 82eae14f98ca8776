"""Reading files: tree, paths-info, and resolve with ranges, ETags and conditional requests."""

from __future__ import annotations

import mimetypes
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.responses import FileResponse, Response

from bot.hub import describe
from bot.hub.answers import Refused, answer, entry_not_found
from bot.hub.call import Call
from bot.hub.history import FileEntry

TREE_PAGE = 1000
EXPANDED_PAGE = 100
MAX_PATHS = 1000
_TEXT = (".md", ".txt", ".json", ".jsonl", ".jinja", ".yaml", ".yml", ".csv", ".py", ".gitattributes")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")


def tree(call: Call) -> Response:
    settings = call.readable()
    commit = call.store.commit_at(settings.kind, settings.id, call.revision)
    folder = call.params.get("path", "").strip("/")
    if folder and folder not in commit.trees:
        raise entry_not_found(folder, commit.id)
    expand = call.flag("expand")
    items = describe.tree(commit, folder, recursive=call.flag("recursive"))
    most = EXPANDED_PAGE if expand else TREE_PAGE
    shown, link = call.page(items, call.number("limit", most, most))
    if expand:
        describe.add_last_commits(call.store, settings.kind, settings.id, commit, shown)
    return answer(shown, headers=link)


def paths_info(call: Call) -> Response:
    """The files and folders among the paths asked for; the others are left out."""
    settings = call.readable()
    commit = call.store.commit_at(settings.kind, settings.id, call.revision)
    paths, expand = _asked_paths(call)
    if len(paths) > MAX_PATHS:
        raise Refused(413, f"at most {MAX_PATHS} paths at once")
    shown: list[dict[str, Any]] = []
    for path in dict.fromkeys(path.strip("/") for path in paths):
        if path in commit.files:
            shown.append(describe.file_info(path, commit.files[path]))
        elif path and path in commit.trees:
            shown.append(describe.folder_info(path, commit))
    if expand:
        describe.add_last_commits(call.store, settings.kind, settings.id, commit, shown)
    return answer(shown)


def _asked_paths(call: Call) -> tuple[list[str], bool]:
    if call.request.headers.get("content-type", "").startswith("application/json"):
        data = call.json()
        paths = data.get("paths")
        return [str(p) for p in paths] if isinstance(paths, list) else [], bool(data.get("expand"))
    form = parse_qs(call.body.decode("utf-8", "replace"))
    return form.get("paths", []), form.get("expand", ["false"])[0].lower() == "true"


def resolve(call: Call) -> Response:
    """A file's content; 304 when the client has it, 206 and 416 for ranges."""
    settings = call.downloadable()
    commit = call.store.commit_at(settings.kind, settings.id, call.revision)
    path = call.params["path"]
    entry = commit.files.get(path)
    if entry is None:
        raise entry_not_found(path, commit.id)
    headers = _file_headers(path, entry, commit.id)
    if _client_has(call.request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    stored = call.store.objects.path(entry.sha256)
    if not stored.is_file():
        raise Refused(500, f"the content of {path} is gone from this Hub's folder")
    return FileResponse(stored, headers=headers, media_type=_media_type(path))


def _file_headers(path: str, entry: FileEntry, commit: str) -> dict[str, str]:
    etag = f'"{entry.sha256 if entry.lfs else entry.oid}"'
    name = quote(path.rsplit("/", 1)[-1])
    headers = {
        "ETag": etag,
        "X-Repo-Commit": commit,
        "Content-Disposition": f"inline; filename*=UTF-8''{name}; filename=\"{name}\";",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Access-Control-Expose-Headers": "X-Repo-Commit,X-Linked-Size,X-Linked-ETag,ETag",
    }
    if entry.lfs:
        headers |= {"X-Linked-ETag": etag, "X-Linked-Size": str(entry.size)}
    return headers


def _client_has(condition: str | None, etag: str) -> bool:
    held = [tag.strip().removeprefix("W/") for tag in (condition or "").split(",")]
    return etag in held or held == ["*"]


def _media_type(path: str) -> str:
    """Text as plain text, pictures as such, the rest as bytes: nothing a browser would run."""
    if path.endswith(_TEXT):
        return "text/plain; charset=utf-8"
    guessed = mimetypes.guess_type(path)[0]
    return guessed if guessed in _IMAGES else "application/octet-stream"
