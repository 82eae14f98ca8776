"""One repo's way onto the Hub: create, upload, verify, download back, release, unpublish.

Every step can be repeated: it looks at what stands there and does what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    snapshot_download,
)

from bot.errors import NeedsPerson, VerificationFailed
from bot.hub_errors import patiently
from bot.huggingface import HubDoor
from bot.publish.files import NOT_OURS, changed, describe, differences
from bot.publish.ledger import MANIFEST, STAGING_BRANCH, OnHub, look
from bot.publish.manifest import same
from bot.records import Manifest, Record, RepoFile


class Place(Record, frozen=True, kw_only=True):
    """Where a quant is uploaded first: `main` of a private repo, or the staging branch of a public one."""

    repo: str
    branch: str = "main"
    private: bool = True

    @property
    def staged(self) -> bool:
        return self.branch != "main"


def place_for(standing: OnHub, staging: str) -> Place:
    """Decide it: what is public is never written to directly. Raises NeedsPerson for foreign repos."""
    if standing.standing == "foreign":
        raise NeedsPerson(
            f"{standing.repo} stands on the Hub and was not made by this bot: it is left as it is; "
            "rename it, or publish under another account"
        )
    public = standing.standing != "absent" and not standing.private
    if public or staging == "branch":
        return Place(repo=standing.repo, branch=STAGING_BRANCH, private=standing.private)
    return Place(repo=standing.repo)


def create(door: HubDoor, repo: str, staging: str) -> Place:
    """Make sure the repo (and its staging branch) exists, with nothing public in it."""
    place = place_for(look(door, repo), staging)
    private = not place.staged
    patiently(lambda: door.api.create_repo(repo, private=private, exist_ok=True), repo)
    if place.staged:
        patiently(lambda: door.api.create_branch(repo, branch=place.branch, exist_ok=True), repo)
    return place


def upload(door: HubDoor, folder: Path, place: Place, message: str) -> str:
    """Upload the folder in one commit that also deletes what is not in it. Returns the commit's sha."""
    commit = patiently(
        lambda: door.api.upload_folder(
            repo_id=place.repo,
            folder_path=folder,
            revision=place.branch,
            commit_message=message,
            delete_patterns=["*"],
        ),
        place.repo,
    )
    return commit.oid


def verify(door: HubDoor, folder: Path, place: Place, sha: str) -> tuple[RepoFile, ...]:
    """Compare the Hub's list of files and hashes at `sha` with the folder. Returns our list.

    Raises VerificationFailed with the first differences.
    """
    ours = describe(folder)
    complaints = differences(ours, door.files(place.repo, sha))
    if complaints:
        raise VerificationFailed(
            f"{place.repo} does not hold what was uploaded ({'; '.join(complaints[:3])}): "
            "it is not released; `bot publish` its base again"
        )
    return ours


def download_back(door: HubDoor, place: Place, sha: str, into: Path, ours: Sequence[RepoFile]) -> None:
    """Download the commit as a reader would and compare every byte. Raises VerificationFailed."""
    patiently(
        lambda: snapshot_download(
            place.repo,
            revision=sha,
            local_dir=into,
            token=door.api.token,
            endpoint=door.endpoint,
        ),
        place.repo,
    )
    theirs = describe(into, [f.path for f in ours if (into / f.path).is_file()])
    complaints = differences(ours, theirs)
    if complaints:
        raise VerificationFailed(
            f"{place.repo} gives other bytes than were uploaded ({'; '.join(complaints[:3])}): "
            "it is not released; `bot retry` goes on"
        )


def release(door: HubDoor, place: Place, sha: str) -> str:
    """Make verified content public. Returns the sha that readers get from `main`."""
    if place.staged:
        sha = _copy_to_main(door, place, sha)
    patiently(lambda: door.api.update_repo_settings(place.repo, private=False), place.repo)
    return sha


def _copy_to_main(door: HubDoor, place: Place, sha: str) -> str:
    """One commit on main: server-side copies of the staged files, deletions of what is stale."""
    head = door.info(place.repo, "main").sha
    staged = door.files(place.repo, sha)
    stale = {f.path for f in door.files(place.repo, head or "main")} - {f.path for f in staged}
    copies = [CommitOperationCopy(f.path, f.path, src_revision=sha) for f in staged if f.path not in NOT_OURS]
    deletions = [CommitOperationDelete(path) for path in sorted(stale) if path not in NOT_OURS]
    commit = patiently(
        lambda: door.api.create_commit(
            place.repo,
            operations=[*copies, *deletions],
            commit_message="Verified: the staged files become main",
            parent_commit=head,
        ),
        place.repo,
    )
    complaints = differences(
        [f for f in staged if f.path not in NOT_OURS], door.files(place.repo, commit.oid)
    )
    if complaints:
        raise VerificationFailed(f"{place.repo}: main is not what was staged ({'; '.join(complaints[:3])})")
    patiently(lambda: door.api.delete_branch(place.repo, branch=place.branch), place.repo)
    return commit.oid


def amend(door: HubDoor, folder: Path, there: OnHub, branch: str, fresh: Manifest, message: str) -> str:
    """Bring the small files of `folder` to where the quant lies, in one commit. Returns the commit's sha.

    `there` is what `branch` holds, `fresh` the folder's manifest. Nothing is committed where nothing but the
    manifest's date would change. Raises NeedsPerson when somebody else changed the files there meanwhile, and
    VerificationFailed when the weights are not those that lie there, or the Hub holds something else after.
    """
    listed = door.files(there.repo, there.sha)
    ours = (*fresh.files, *describe(folder, [MANIFEST]))
    put, delete = changed(ours, listed)
    if not delete and put in ([], [MANIFEST]) and there.manifest is not None and same(fresh, there.manifest):
        return there.sha
    _refuse_foreign_changes(there, listed)
    weights = [path for path in (*put, *delete) if path.endswith(".safetensors")]
    if weights:
        raise VerificationFailed(
            f"{there.repo} holds other weights than were measured ({weights[0]}): its card is left as it is; "
            "`bot publish` its base again"
        )
    commit = patiently(
        lambda: door.api.create_commit(
            there.repo,
            operations=[
                *(CommitOperationAdd(path, folder / path) for path in put),
                *(CommitOperationDelete(path) for path in delete),
            ],
            commit_message=message,
            revision=branch,
            parent_commit=there.sha,
        ),
        there.repo,
    )
    complaints = differences(ours, door.files(there.repo, commit.oid))
    if complaints:
        raise VerificationFailed(
            f"{there.repo} does not hold what was committed ({'; '.join(complaints[:3])}): "
            "`bot publish` its base again"
        )
    return commit.oid


def _refuse_foreign_changes(there: OnHub, listed: Sequence[RepoFile]) -> None:
    known = there.manifest.files if there.manifest is not None else ()
    complaints = differences(known, [file for file in listed if file.path != MANIFEST])
    if complaints:
        raise NeedsPerson(
            f"{there.repo} was changed on the Hub by somebody else ({'; '.join(complaints[:3])}): "
            "its card is left as it is; `bot publish` its base again writes over that"
        )


def make_private(door: HubDoor, repo: str) -> None:
    patiently(lambda: door.api.update_repo_settings(repo, private=True), repo)
