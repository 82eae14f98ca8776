"""Which files of a base's new revision go into which quant, and which quants stay as they are. Pure.

A quant that is patched then holds what one made anew of that revision would hold. So its manifest's
`base_sha` becomes that revision, and `bot publish` finds it published; `weights_sha` keeps where its weights
are from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from bot.fetch.select import side_files
from bot.patch.patch import Patch
from bot.publish.ledger import MANIFEST
from bot.quantize.model_config import carried_over
from bot.records import BaseRevision, ChangeKind, Manifest, Record, RepoFile
from bot.watch.changes import changed_files, classify, kind_of_file

PATCHED: tuple[ChangeKind, ...] = ("tokenizer", "generation_config", "other")
"""Kinds of files that a patch may change. What says how weights are read is never among them; a license is
where a person has said yes to the new terms (a patch of the kind `license`)."""


class Fate(Record, frozen=True, kw_only=True):
    """What is to become of one quant: these files copied, those deleted; or `left` alone, with the reason.

    `due` False: it has all of it already.
    """

    due: bool = True
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: str = ""


NOTHING = Fate(due=False)


def carried(base: BaseRevision, *, terms: bool = False) -> dict[str, RepoFile]:
    """The small files of a base, by path, that its quants hold unchanged and a patch may change.

    `terms`: the license too. Raises UnsuitableBase for a file name that leaves its folder.
    """
    files = carried_over(side_files(base.repo, base.files), text_only=False)
    kinds = (*PATCHED, "license") if terms else PATCHED
    return {f.path: _told(f) for f in files if f.path != MANIFEST and kind_of_file(f.path) in kinds}


def fate(
    manifest: Manifest,
    listed: Sequence[RepoFile],
    before: BaseRevision | None,
    after: BaseRevision,
    *,
    terms: bool = False,
) -> Fate:
    """What a new revision means for one quant.

    `listed` are the files of its repo as the Hub lists them; `before` is the revision that its manifest names
    (None: it is not on the Hub any more). `terms`: a patch under the new license, with its text.
    """
    if manifest.base_sha == after.sha and not manifest.base_gone:
        return NOTHING
    if manifest.measuring:
        return Fate(left=MEASURING)
    was = f"it was made of revision {manifest.base_sha[:12]} of the base"
    if before is None:
        return Fate(left=f"{was}, which is not on the Hub any more: `bot publish` makes it anew")
    changed, new = changed_files(before, after), carried(after, terms=terms)
    if "weights" in map(kind_of_file, changed):
        return Fate(left=f"{was}, and the weights changed since: `bot publish` makes it anew")
    if not terms and classify(before, after) == "license":
        return Fate(left=f"{was}, and the license changed since: `bot publish` makes it anew")
    files = tuple(sorted(changed & new.keys()))
    removed = tuple(sorted(changed & (carried(before, terms=terms).keys() - new.keys())))
    return _unless_edited(Fate(files=files, removed=removed), manifest, listed, new)


MEASURING = "its tasks are being measured, and its card is written when they are: it is to be patched then"


def fate_now(
    patch: Patch, manifest: Manifest, listed: Sequence[RepoFile], new: Mapping[str, RepoFile]
) -> Fate:
    """The same right before the commit: the repo may be another by now. `new` are the bytes to copy.

    What holds all of it already gets no commit, so that a run which was killed goes on where it was.
    """
    if patch.marks:
        return _mark(patch, manifest)
    if manifest.base_sha == patch.base.sha and not manifest.base_gone:
        return NOTHING
    if manifest.measuring:
        return Fate(left=MEASURING)
    if manifest.base_sha not in (patch.before, patch.base.sha, *patch.earlier):
        return Fate(left=f"it was made anew meanwhile, of revision {manifest.base_sha[:12]} of the base")
    there = {file.path: file for file in listed}
    found = Fate(
        files=tuple(path for path in patch.files if not alike(there.get(path), new[path])),
        removed=tuple(path for path in patch.removed if path in there),
    )
    return _unless_edited(found, manifest, listed, new)


def fate_of_mark(kind: ChangeKind, manifest: Manifest) -> Fate:
    """What a base that is renamed or gone means for a quant whose manifest names it by its old name."""
    if manifest.measuring:
        return Fate(left=MEASURING)
    return NOTHING if kind == "gone" and manifest.base_gone else Fate()


def _mark(patch: Patch, manifest: Manifest) -> Fate:
    named = patch.renamed_to if patch.kind == "renamed" else None
    return NOTHING if manifest.base == named else fate_of_mark(patch.kind, manifest)


def _unless_edited(
    found: Fate, manifest: Manifest, listed: Sequence[RepoFile], new: Mapping[str, RepoFile]
) -> Fate:
    edited = tuple(_edited((*found.files, *found.removed), manifest, listed, new))
    if not edited:
        return found
    return Fate(left=f"somebody changed {', '.join(edited[:3])} by hand: its files are left as they are")


def _edited(
    paths: Sequence[str], manifest: Manifest, listed: Sequence[RepoFile], new: Mapping[str, RepoFile]
) -> Iterator[str]:
    """The paths that hold neither what the bot put there nor what it would put there now."""
    there = {file.path: file for file in listed}
    known = {file.path: file for file in manifest.files}
    for path in paths:
        here = there.get(path)
        if not alike(here, known.get(path)) and not alike(here, new.get(path)):
            yield path


def alike(here: RepoFile | None, other: RepoFile | None) -> bool:
    """True where a file as the Hub lists it may have the other's content; both None: neither is there.

    A listing gives sha256 for LFS files and git's blob id for the others. Where the two have no hash in
    common and the same size, only the bytes can tell, and the answer is yes: the commit looks at them.
    """
    if here is None or other is None:
        return here is other
    if here.size != other.size:
        return False
    if here.sha256:
        return other.sha256 is None or here.sha256 == other.sha256
    return not other.oid or here.oid == other.oid


def _told(listed: RepoFile) -> RepoFile:
    """A listed LFS file without its blob id, which is that of its pointer and not of its content."""
    return replace(listed, oid="") if listed.sha256 else listed


def renewed_manifest(patch: Patch, manifest: Manifest, today: str) -> Manifest:
    """What the manifest says of the base after the patch; its `files` are the commit's business."""
    if patch.kind == "renamed" and patch.renamed_to:
        return _renamed(manifest, patch.renamed_to)
    if patch.kind == "gone":
        return replace(manifest, base_gone=patch.seen_at[:10] or today)
    weights = manifest.weights_sha or manifest.base_sha
    return replace(
        manifest,
        base_sha=patch.base.sha,
        weights_sha=weights if weights != patch.base.sha else "",
        base_gone="",
    )


def _renamed(manifest: Manifest, name: str) -> Manifest:
    measured = manifest.base_measurement
    if measured is not None and measured.name == manifest.base:
        measured = replace(measured, name=name)
    return replace(manifest, base=name, base_measurement=measured)
