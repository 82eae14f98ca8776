"""The types of a patch: decided once, then only followed; and what came of it."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from bot.records import BaseRevision, ChangeKind, Record


class LeftAlone(Record, frozen=True, kw_only=True):
    """A quant of the base that a patch does not touch, and why: a sentence for people."""

    repo: str
    why: str


class Patch(Record, frozen=True, kw_only=True):
    """What goes from a base's new revision into the quants of `repos`, and why.

    `base` is the new revision under the name that the quants know it by (the last one known, where the base
    is `gone`), `before` the sha that the quants were made of; some may be of one of the `earlier` shas, of
    the same weights. `files` are paths of the base to copy, `removed` paths to delete. `renamed_to`: its new
    name.
    `left` are the quants that stay as they are, `seen_at` when the change was seen (ISO 8601).
    """

    base: BaseRevision
    before: str
    kind: ChangeKind
    account: str
    endpoint: str
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    renamed_to: str | None = None
    why: str = ""
    earlier: tuple[str, ...] = ()
    left: tuple[LeftAlone, ...] = ()
    seen_at: str = ""

    @property
    def marks(self) -> bool:
        """Whether it is about the cards alone: the base has another name, or is gone."""
        return self.kind in ("renamed", "gone")

    @property
    def moves_files(self) -> bool:
        """Whether any file of the base comes or goes, so that the tokenizer is to be tried."""
        return bool(self.files or self.removed)


Status = Literal["patched", "already", "left", "failed"]
"""already: it held all of this before.  left: somebody changed it by hand, or made it anew, meanwhile."""


class PatchedRepo(Record, frozen=True, kw_only=True):
    """What became of one quant: the commit on the Hub, or the sentence that says why there is none.

    `files` and `removed` are what the commit brought beside card and manifest; `note` says what a person
    should know although it went well.
    """

    repo: str
    status: Status
    commit: str = ""
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    note: str = ""
    error: str = ""
    error_kind: str = ""


class Patched(Record, frozen=True, kw_only=True):
    """The end of a patch: the base at its new revision, and every quant of it with what became of it."""

    base: str
    sha: str
    kind: ChangeKind
    repos: tuple[PatchedRepo, ...]

    @property
    def failed(self) -> tuple[PatchedRepo, ...]:
        return tuple(repo for repo in self.repos if repo.status == "failed")

    @property
    def undone(self) -> tuple[PatchedRepo, ...]:
        """The quants that did not get it: what failed first, then what was left alone."""
        return (*self.failed, *(repo for repo in self.repos if repo.status == "left"))

    @property
    def told(self) -> str:
        """What came of it, in one sentence."""
        done = len(self.repos) - len(self.undone)
        what = {"renamed": "renamed", "gone": "gone"}.get(self.kind, f"now at {self.sha[:12]}")
        said = f"{self.base} is {what}: {done} of {len(self.repos)} quants are brought up to date"
        if not self.undone:
            return said
        first = self.undone[0]
        return f"{said}; {first.repo} is not: {first.error.removeprefix(first.repo).lstrip(': ')}"


def patch_id(patch: Patch) -> str:
    """The id of a patch's run: the same change of the same base for the same account, the same run.

    Which quants have it already plays no part: asked again in the middle, it is still the same run.
    """
    asked = [patch.kind, patch.account, patch.endpoint, patch.renamed_to]
    digest = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:8]
    return f"patch:{patch.base.repo}@{patch.base.sha[:12]}+{digest}"
