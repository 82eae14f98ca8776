"""What can be done to a repo the bot made, later and by hand: release it, take it back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from bot import child, settings
from bot.errors import NeedsPerson, NotFound, UsageError, VerificationFailed
from bot.huggingface import HubDoor
from bot.measure.request import AnswersRequest
from bot.measure.verdict import judge
from bot.publish import collections, repo
from bot.publish.files import NOT_OURS, differences
from bot.publish.ledger import MANIFEST, STAGING_BRANCH, OnHub, look, parse_manifest
from bot.records import Answers, Manifest, PublishedRepo, RepoFile
from bot.settings import Settings


def release(door: HubDoor, known: Settings, name: str) -> PublishedRepo:
    """Verify once more what stands there, try it out, make it public, link it.

    Raises NotFound, NeedsPerson (not ours), UsageError (public already), VerificationFailed.
    """
    place, sha, manifest = _waiting(door, name)
    listed = door.files(name, sha)
    _compare(name, manifest, listed)
    _try_out(door, known, place, sha, manifest, listed)
    released = repo.release(door, place, sha)
    note = f"{manifest.recipe}: {manifest.bits_per_weight:.2f} bits per weight"
    account = name.split("/", 1)[0]
    slugs = [collections.add(door, account, title, name, note) for title in manifest.collections]
    return PublishedRepo(
        repo=name,
        url=door.url(name),
        sha=released,
        public=True,
        verified=len(manifest.files) + 1,
        recipe=manifest.recipe,
        collections=tuple(slugs),
    )


def _waiting(door: HubDoor, name: str) -> tuple[repo.Place, str, Manifest]:
    """Where the unreleased content lies: the staging branch if there is one, else a private main."""
    standing = _ours(door, name)
    staged = door.find(name, STAGING_BRANCH)
    if staged is not None and staged.sha:
        data = door.read(name, MANIFEST, staged.sha)
        manifest = parse_manifest(data) if data else None
        if manifest is not None:
            place = repo.Place(repo=name, branch=STAGING_BRANCH, private=standing.private)
            return place, staged.sha, manifest
    if not standing.private:
        raise UsageError(f"{name} is public already and nothing waits on its staging branch")
    if standing.manifest is None:
        raise NotFound(f"{name} holds nothing that was uploaded whole: `bot publish` its base again")
    return repo.Place(repo=name), standing.sha, standing.manifest


def _ours(door: HubDoor, name: str) -> OnHub:
    standing = look(door, name)
    if standing.standing == "absent":
        raise NotFound(f"{name} is not on the Hub, or this token may not read it")
    if standing.standing == "foreign":
        raise NeedsPerson(f"{name} was not made by this bot: it is left as it is")
    return standing


def _compare(name: str, manifest: Manifest, listed: tuple[RepoFile, ...]) -> None:
    theirs = [f for f in listed if f.path != MANIFEST]
    complaints = differences(manifest.files, theirs)
    if complaints:
        raise VerificationFailed(
            f"{name} is not what its manifest lists ({'; '.join(complaints[:3])}): "
            "`bot publish` its base again"
        )


def _try_out(
    door: HubDoor,
    known: Settings,
    place: repo.Place,
    sha: str,
    manifest: Manifest,
    listed: tuple[RepoFile, ...],
) -> None:
    known.home.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix="release-", dir=known.home))
    try:
        ours = tuple(f for f in listed if f.path not in (MANIFEST, *NOT_OURS))
        repo.download_back(door, place, sha, copy, _with_hashes(ours, manifest))
        answers = child.run(
            "bot.measure.answers",
            AnswersRequest(path=str(copy)),
            Answers,
            log=known.state / "logs" / "release.txt",
            environment=settings.hub_environment(known),
        )
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    base = manifest.base_measurement
    complaints = judge(base.answers if base is not None else None, answers)
    if complaints:
        raise VerificationFailed(f"{place.repo} is not released: {'; '.join(complaints)}")


def _with_hashes(listed: tuple[RepoFile, ...], manifest: Manifest) -> tuple[RepoFile, ...]:
    """The listing with the manifest's sha256 and blob ids, against which the downloaded bytes are held."""
    known = {f.path: f for f in manifest.files}
    return tuple(
        msgspec.structs.replace(f, sha256=known[f.path].sha256, oid=known[f.path].oid) for f in listed
    )


def unpublish(door: HubDoor, name: str) -> list[str]:
    """Make the repo private again and take it out of its collections. Returns the collections' titles."""
    _ours(door, name)
    repo.make_private(door, name)
    return collections.remove(door, name.split("/", 1)[0], name)
