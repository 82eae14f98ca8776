"""One commit on the Hub that brings a card up to date: its text, its figures, its facts, the manifest.

The weights stay what they are, and so does every other file. Nothing that a person changed is written over,
unless that person said `--take mine`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from msgspec.structs import replace

from bot.errors import VerificationFailed
from bot.hub.gitids import blob_id
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.publish.card_origin import RENDERED
from bot.publish.files import CARD, differences
from bot.publish.ledger import MANIFEST, OnHub
from bot.publish.manifest import encoded
from bot.records import Card, Manifest, RepoFile


def card_files(after: str, rendered: str, more: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """What is to stand on the Hub under each path; None: nothing.

    Where the card holds a person's edits, what was rendered is kept beside it for the next merge.
    """
    beside = rendered.encode() if after != rendered else None
    return {CARD: after.encode(), RENDERED: beside, **more}


def entry(path: str, data: bytes) -> RepoFile:
    """How a Hub lists these bytes: size, sha256, git's blob id."""
    return RepoFile(path=path, size=len(data), oid=blob_id(data), sha256=hashlib.sha256(data).hexdigest())


def renewed(manifest: Manifest, card: Card, files: Mapping[str, bytes | None]) -> Manifest:
    """The manifest for these files beside those it lists already, and for the template they are from."""
    entries = {file.path: file for file in manifest.files}
    for path, data in files.items():
        entries.pop(path, None)
        if data is not None:
            entries[path] = entry(path, data)
    ordered = tuple(entries[path] for path in sorted(entries))
    return replace(manifest, template=card.template, template_commit=card.template_commit, files=ordered)


def commit(
    door: HubDoor, there: OnHub, fresh: Manifest, files: Mapping[str, bytes | None], message: str
) -> str:
    """Write `files` and the manifest to main, if main is still as `there` saw it. Returns the commit's id.

    Raises NeedsPerson where somebody else was faster, VerificationFailed where the Hub holds something else
    afterwards.
    """
    known = {file.path for file in there.files}
    whole = {**files, MANIFEST: encoded(fresh)}
    put = {path: data for path, data in whole.items() if data is not None}
    made = patiently(
        lambda: door.api.create_commit(
            there.repo,
            operations=[
                *(CommitOperationAdd(path, data) for path, data in put.items()),
                *(CommitOperationDelete(path) for path in whole.keys() - put.keys() if path in known),
            ],
            commit_message=message,
            parent_commit=there.sha,
        ),
        there.repo,
    )
    _verify(there.repo, [entry(path, data) for path, data in put.items()], door.files(there.repo, made.oid))
    return made.oid


def _verify(repo: str, ours: Iterable[RepoFile], listed: Iterable[RepoFile]) -> None:
    there = {file.path: file for file in listed}
    complaints = [
        complaint
        for mine in ours
        for complaint in differences([mine], [there[mine.path]] if mine.path in there else [])
    ]
    if complaints:
        raise VerificationFailed(
            f"{repo} does not hold what was committed ({'; '.join(complaints[:3])}): run it again to see how"
        )
