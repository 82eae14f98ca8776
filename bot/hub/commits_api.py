"""Writing files: preupload, the LFS batch and upload, and the commit itself.

The commit body is NDJSON, a header and then one operation a line
(`huggingface_hub._commit_api._prepare_commit_payload`); LFS is git-lfs's batch API
with the basic transfer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.hub import history, metadata
from bot.hub.answers import Refused, answer
from bot.hub.call import Call, Hub
from bot.hub.history import Delete, Operation, Put
from bot.hub.names import check_path
from bot.hub.objects import Objects
from bot.hub.webhooks import Event

_SHA256 = re.compile(r"[0-9a-f]{64}")
LFS_JSON = {"Content-Type": "application/vnd.git-lfs+json"}


class Line(msgspec.Struct):
    """One line of a commit."""

    key: str
    value: dict[str, Any]


def preupload(call: Call) -> Response:
    """Says of each file whether it goes to LFS, and what the branch holds under its name."""
    settings = call.writable()
    head = call.store.commit_at(settings.kind, settings.id, call.revision)
    attributes = call.store.attributes(head)
    shown = []
    for file in _objects_of(call.json(), "files"):
        path, size = check_path(str(file.get("path"))), _whole(file, "size")
        lfs = history.is_lfs(path, size, _decoded(file.get("sample") or ""), attributes)
        info: dict[str, Any] = {
            "path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False,
        }  # fmt: skip
        there = head.files.get(path)
        if there is not None:
            info["oid"] = there.sha256 if there.lfs else there.oid
        shown.append(info)
    return answer({"files": shown, "commitOid": head.id})


# ------------------------------------------------------------------ LFS


def lfs_batch(call: Call) -> Response:
    """For each object: nothing to do when it is here, else where to put it."""
    call.writable()
    data = call.json()
    if data.get("operation") != "upload":
        raise Refused(422, "this loopback Hub takes LFS uploads; downloads go through /resolve/")
    objects = [_upload_action(call, item) for item in _objects_of(data, "objects")]
    return answer({"transfer": "basic", "objects": objects}, headers=LFS_JSON)


def _upload_action(call: Call, item: dict[str, Any]) -> dict[str, Any]:
    sha256, size = str(item.get("oid")), _whole(item, "size")
    shown: dict[str, Any] = {"oid": sha256, "size": size}
    if not _SHA256.fullmatch(sha256):
        return {**shown, "error": {"code": 422, "message": "the oid is no sha256"}}
    if call.store.objects.size(sha256) == size:
        return shown
    signature = _signature(call.hub, sha256, size)
    upload = f"{call.base}/_loopback/lfs/{sha256}?size={size}&signature={signature}"
    verify = f"{call.base}{call.request.scope['path'].removesuffix('/objects/batch')}/verify"
    return {**shown, "actions": {"upload": {"href": upload}, "verify": {"href": verify}}}


def _signature(hub: Hub, sha256: str, size: int) -> str:
    # The client sends no token with the upload itself: as on the real Hub, the address is the right to it.
    return hmac.new(hub.upload_key, f"{sha256} {size}".encode(), hashlib.sha256).hexdigest()


async def lfs_upload(request: Request) -> Response:
    """Takes an object as it streams in; it is stored only with the size and sha256 announced."""
    hub: Hub = request.app.state.hub
    try:
        return await _received(hub, request)
    except Refused as refused:
        return refused.response()


async def _received(hub: Hub, request: Request) -> Response:
    sha256, size = request.path_params["sha256"], int(request.query_params.get("size") or 0)
    signature = request.query_params.get("signature") or ""
    if not hmac.compare_digest(signature, _signature(hub, sha256, size)):
        raise Refused(403, "this upload was not asked for: get its address from the LFS batch")
    with hub.store.objects.receive() as incoming:
        try:
            async for chunk in request.stream():
                incoming.write(chunk)
        except ClientDisconnect:
            raise Refused(400, "the upload was cut off") from None
        await run_in_threadpool(incoming.keep, sha256, size)
    return Response(status_code=200, headers={"ETag": f'"{sha256}"'})


def lfs_verify(call: Call) -> Response:
    call.writable()
    data = call.json()
    sha256 = str(data.get("oid"))
    if not _SHA256.fullmatch(sha256) or call.store.objects.size(sha256) != data.get("size"):
        raise Refused(404, f"object {sha256} is not here")
    return answer({}, headers=LFS_JSON)


# ------------------------------------------------------------------ commit


def commit(call: Call) -> Response:
    settings = call.writable()
    if call.flag("create_pr"):
        raise Refused(403, "this loopback Hub keeps no pull requests: commit to a branch")
    header, operations = _parsed(call)
    title = str(header.get("summary") or "").strip()
    if not title:
        raise Refused(400, '"summary" must not be empty')
    made = call.store.commit_operations(
        settings.kind, settings.id, call.revision, operations, title,
        str(header.get("description") or ""), author=call.user, parent=header.get("parentCommit"),
    )  # fmt: skip
    updated = {"ref": f"refs/heads/{call.branch}", "oldSha": made.parent, "newSha": made.id}
    call.announce(Event("update", "repo.content"), settings.kind, settings.id, updatedRefs=[updated])
    url = f"{call.repo_url(settings.kind, settings.id)}/commit/{made.id}"
    return answer({"success": True, "commitOid": made.id, "commitUrl": url, "hookOutput": ""})


def _parsed(call: Call) -> tuple[dict[str, Any], list[Operation]]:
    """(header, operations) of a commit body; contents are stored on the way."""
    try:
        lines = msgspec.json.Decoder(Line).decode_lines(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"the commit is no NDJSON of key and value: {error}") from None
    headers = [line.value for line in lines if line.key == "header"]
    if len(headers) != 1:
        raise Refused(400, "a commit has one header line")
    operations = list(_operations(call.store.objects, [line for line in lines if line.key != "header"]))
    return headers[0], operations


def _operations(objects: Objects, lines: list[Line]) -> Iterator[Operation]:
    for line in lines:
        path = str(line.value.get("path"))
        if line.key == "file":
            yield Put(path=check_path(path), entry=_regular(objects, path, line.value))
        elif line.key == "lfsFile":
            yield Put(path=check_path(path), entry=_lfs(objects, line.value))
        elif line.key in ("deletedFile", "deletedFolder", "deletedEntry"):
            yield Delete(path=path, folder=line.key == "deletedFolder")
        else:
            raise Refused(400, f"unknown operation {line.key!r} in a commit")


def _regular(objects: Objects, path: str, value: dict[str, Any]) -> history.FileEntry:
    text = str(value.get("content") or "")
    content = _decoded(text) if value.get("encoding") == "base64" else text.encode()
    if len(content) > history.LFS_SIZE:
        raise Refused(413, f"{path} has more than {history.LFS_SIZE} bytes: upload it as LFS")
    if path == "README.md":
        errors, _ = metadata.validate(content.decode("utf-8", "replace"))
        if errors:
            raise Refused(400, f"Invalid metadata in README.md: {'; '.join(errors)}")
    return history.regular_entry(content, objects.put(content))


def _lfs(objects: Objects, value: dict[str, Any]) -> history.FileEntry:
    sha256 = str(value.get("oid"))
    size = objects.size(sha256) if _SHA256.fullmatch(sha256) else None
    if size is None or value.get("size", size) != size:
        raise Refused(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
    return history.lfs_entry(sha256, size)


def _objects_of(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = data.get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refused(400, f'"{name}" must be a list of objects')
    return items


def _whole(item: dict[str, Any], name: str) -> int:
    value = item.get(name)
    if not isinstance(value, int) or value < 0:
        raise Refused(400, f'"{name}" must be a whole number')
    return value


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "content is no base64") from None
