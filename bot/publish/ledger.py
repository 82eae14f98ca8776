"""The Hub is the ledger: what a target repo says about itself, read from `qx_manifest.json`."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.huggingface import HubDoor
from bot.publish.files import NOT_OURS
from bot.records import Manifest, Record, RepoFile

MANIFEST = "qx_manifest.json"
STAGING_BRANCH = "qx-staging"

Standing = Literal["absent", "empty", "ours", "foreign"]


class OnHub(Record, frozen=True, kw_only=True):
    """A target repo as it stands: absent, empty (a create that got no further), ours, or foreign."""

    repo: str
    standing: Standing
    sha: str = ""
    private: bool = False
    manifest: Manifest | None = None
    files: tuple[RepoFile, ...] = ()

    def holds(self, base_sha: str, recipe_hash: str) -> bool:
        """True when the repo holds exactly this recipe of this base revision, every listed file there."""
        if self.manifest is None:
            return False
        there = {f.path: f.size for f in self.files}
        whole = all(there.get(f.path) == f.size for f in self.manifest.files)
        return whole and (self.manifest.base_sha, self.manifest.recipe_hash) == (base_sha, recipe_hash)


def parse_manifest(data: bytes) -> Manifest | None:
    """The manifest, or None when it is not one of ours (whatever else it may be)."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError):
        return None


def look(door: HubDoor, repo: str) -> OnHub:
    """How `repo` stands on the Hub now. Two requests at most."""
    info = door.find(repo)
    if info is None:
        return OnHub(repo=repo, standing="absent")
    files = tuple(RepoFile(path=s.rfilename, size=s.size or 0) for s in info.siblings or ())
    found = OnHub(repo=repo, standing="foreign", sha=info.sha or "", private=bool(info.private), files=files)
    if not [f for f in files if f.path not in NOT_OURS]:
        return msgspec.structs.replace(found, standing="empty")
    data = door.read(repo, MANIFEST) if any(f.path == MANIFEST for f in files) else None
    manifest = parse_manifest(data) if data is not None else None
    if manifest is None or manifest.repo != repo:
        return found
    return msgspec.structs.replace(found, standing="ours", manifest=manifest)


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
