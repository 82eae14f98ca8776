"""The Hub is the ledger: what a target repo says about itself, read from `qx_manifest.json`."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.huggingface import HubDoor
from bot.publish.files import CARD, NOT_OURS
from bot.records import Manifest, Record, RepoFile

MANIFEST = "qx_manifest.json"
STAGING_BRANCH = "qx-staging"

Standing = Literal["absent", "empty", "ours", "foreign"]


class OnHub(Record, frozen=True, kw_only=True):
    """A target repo as it stands: absent, empty (a create that got no further), ours, or foreign.

    `staged` is what its staging branch holds, where that was looked at.
    """

    repo: str
    standing: Standing
    sha: str = ""
    private: bool = False
    manifest: Manifest | None = None
    files: tuple[RepoFile, ...] = ()
    staged: OnHub | None = None

    def holds(self, base_sha: str, recipe_hash: str) -> bool:
        """True when the repo holds exactly this recipe of this base revision, every listed file there.

        A card that somebody edited by hand makes no other quant.
        """
        if self.manifest is None:
            return False
        there = {f.path: f.size for f in self.files}
        whole = all(f.path == CARD or there.get(f.path) == f.size for f in self.manifest.files)
        return whole and (self.manifest.base_sha, self.manifest.recipe_hash) == (base_sha, recipe_hash)

    def stopped(self, base_sha: str, recipe_hash: str) -> bool:
        """True when exactly this waits here, not public, because the gate stopped it."""
        places = (self.staged, self if self.private else None)
        return any(
            place is not None
            and place.manifest is not None
            and place.manifest.stopped
            and place.holds(base_sha, recipe_hash)
            for place in places
        )


def parse_manifest(data: bytes) -> Manifest | None:
    """The manifest, or None when it is not one of ours (whatever else it may be)."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError):
        return None


def look(door: HubDoor, repo: str, revision: str | None = None) -> OnHub:
    """How `repo` stands on the Hub now (its default branch, or `revision`). Two requests at most."""
    info = door.find(repo, revision)
    if info is None:
        return OnHub(repo=repo, standing="absent")
    files = tuple(RepoFile(path=s.rfilename, size=s.size or 0) for s in info.siblings or ())
    found = OnHub(repo=repo, standing="foreign", sha=info.sha or "", private=bool(info.private), files=files)
    if not [f for f in files if f.path not in NOT_OURS]:
        return msgspec.structs.replace(found, standing="empty")
    data = door.read(repo, MANIFEST, info.sha or revision) if any(f.path == MANIFEST for f in files) else None
    manifest = parse_manifest(data) if data is not None else None
    if manifest is None or manifest.repo != repo:
        return found
    return msgspec.structs.replace(found, standing="ours", manifest=manifest)


def look_everywhere(door: HubDoor, repo: str) -> OnHub:
    """`look`, and what waits on the staging branch of a repo that is there."""
    found = look(door, repo)
    if found.standing not in ("empty", "ours"):
        return found
    staged = look(door, repo, STAGING_BRANCH)
    return msgspec.structs.replace(found, staged=staged if staged.standing == "ours" else None)


def made_of(door: HubDoor, account: str, base: str) -> list[OnHub]:
    """The account's repos that the bot made of this base, any revision.

    Candidates are the repos named `<Base>-…-mlx`; only those with a manifest that names the base count.
    """
    prefix = f"{account}/{base.split('/', 1)[1]}-"
    named = [
        m.repo for m in door.list_models(account) if m.repo.startswith(prefix) and m.repo.endswith("-mlx")
    ]
    found = [look(door, repo) for repo in named]
    return [s for s in found if s.manifest and s.manifest.base == base]
