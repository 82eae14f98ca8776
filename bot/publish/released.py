"""What can be done to a repo the bot made, later and by hand: release, approve, take back."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from huggingface_hub import CommitOperationAdd

from bot import child, settings
from bot.errors import NeedsPerson, NotFound, UsageError, VerificationFailed
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.measure.request import AnswersRequest
from bot.measure.verdict import judge
from bot.publish import collections, repo
from bot.publish.files import NOT_OURS, differences
from bot.publish.ledger import MANIFEST, STAGING_BRANCH, OnHub, look
from bot.publish.manifest import encoded
from bot.records import Answers, Approval, Gate, Manifest, PublishedRepo, Record, RepoFile
from bot.settings import Settings


class Waiting(Record, frozen=True, kw_only=True):
    """What is not public yet: where it lies, at which commit, and what it says of itself."""

    place: repo.Place
    sha: str
    manifest: Manifest


def release(door: HubDoor, known: Settings, name: str) -> PublishedRepo:
    """Verify once more what stands there, try it out, make it public, link it.

    Raises NotFound, NeedsPerson (not ours, or stopped by the gate), UsageError (public already),
    VerificationFailed.
    """
    found = waiting(door, name)
    if found.manifest.stopped and found.manifest.approval is None:
        raise NeedsPerson(
            f"{name} was stopped by the gate: {'; '.join(_gate(found).reasons)}; "
            f"`bot approve {name}` makes it public nonetheless"
        )
    _verify(door, known, found)
    return _make_public(door, found)


def approve(door: HubDoor, known: Settings, name: str) -> PublishedRepo:
    """Make public what the gate stopped, verified once more; its manifest says who approved it over what.

    Raises as `release` does; UsageError where the gate stopped nothing, VerificationFailed for what is wrong
    besides.
    """
    found = stopped(door, name)
    _verify(door, known, found)
    if found.manifest.approval is None:
        found = _approved(door, found)
    return _make_public(door, found)


def stopped(door: HubDoor, name: str) -> Waiting:
    """What the gate stopped. Raises UsageError where it stopped nothing, NotFound, NeedsPerson."""
    found = waiting(door, name)
    if not found.manifest.stopped:
        raise UsageError(f"the gate did not stop {name}: `bot release {name}` makes it public")
    return found


def waiting(door: HubDoor, name: str) -> Waiting:
    """The unreleased content: that of the staging branch if there is one, else of a private main.

    Raises NotFound, NeedsPerson (not ours), UsageError (public already).
    """
    standing = _ours(door, name)
    staged = look(door, name, STAGING_BRANCH)
    if staged.manifest is not None:
        place = repo.Place(repo=name, branch=STAGING_BRANCH, private=standing.private)
        return Waiting(place=place, sha=staged.sha, manifest=staged.manifest)
    if not standing.private:
        raise UsageError(f"{name} is public already and nothing waits on its staging branch")
    if standing.manifest is None:
        raise NotFound(f"{name} holds nothing that was uploaded whole: `bot publish` its base again")
    return Waiting(place=repo.Place(repo=name), sha=standing.sha, manifest=standing.manifest)


def _gate(found: Waiting) -> Gate:
    assert found.manifest.gate is not None, "what the gate stopped says so"
    return found.manifest.gate


def _verify(door: HubDoor, known: Settings, found: Waiting) -> None:
    """Files and hashes, then the answers; of those only what the gate did not complain of already."""
    listed = door.files(found.place.repo, found.sha)
    _compare(found.place.repo, found.manifest, listed)
    complaints = _complaints(door, known, found, listed)
    told = _gate(found).reasons if found.manifest.stopped else ()
    new = [complaint for complaint in complaints if complaint not in told]
    if new:
        raise VerificationFailed(f"{found.place.repo} is not released: {'; '.join(new)}")


def _approved(door: HubDoor, found: Waiting) -> Waiting:
    """The manifest with a person's yes in it, committed where the quant lies."""
    approval = Approval(
        by=door.whoami().name,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        reasons=_gate(found).reasons,
    )
    manifest = msgspec.structs.replace(found.manifest, approval=approval)
    commit = patiently(
        lambda: door.api.create_commit(
            found.place.repo,
            operations=[CommitOperationAdd(MANIFEST, encoded(manifest))],
            commit_message=f"Approved by {approval.by}, past the gate",
            revision=found.place.branch,
            parent_commit=found.sha,
        ),
        found.place.repo,
    )
    _compare(found.place.repo, manifest, door.files(found.place.repo, commit.oid))
    return Waiting(place=found.place, sha=commit.oid, manifest=manifest)


def _make_public(door: HubDoor, found: Waiting) -> PublishedRepo:
    name, manifest = found.place.repo, found.manifest
    released = repo.release(door, found.place, found.sha)
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
        gate=manifest.gate,
    )


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


def _complaints(door: HubDoor, known: Settings, found: Waiting, listed: tuple[RepoFile, ...]) -> list[str]:
    """What the copy downloaded back answers otherwise than the base did."""
    known.home.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix="release-", dir=known.home))
    manifest = found.manifest
    try:
        ours = tuple(f for f in listed if f.path not in (MANIFEST, *NOT_OURS))
        repo.download_back(door, found.place, found.sha, copy, _with_hashes(ours, manifest))
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
    return judge(base.answers if base is not None else None, answers)


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
