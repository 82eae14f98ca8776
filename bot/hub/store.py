"""Repos, refs and commits as plain files; the seeding interface for tests and rehearsals.

    ROOT/models/OWNER/NAME/repo.json        visibility, gating
                           refs.json        branches and tags -> commit ids
                           commits/ID.json  every file of that commit
                           main/            the files of the main branch, to look at
    ROOT/datasets/…                         the same
    ROOT/objects/ab/cdef…                   contents by sha256
    ROOT/collections/OWNER/SLUG.json
    ROOT/moved/models/OWNER/NAME            the name that this one leads to
    ROOT/webhooks/ID.json                   who is told of what

A commit becomes visible by one `os.replace` of refs.json, after all it names is
written and synced. A file lock per repo keeps writers of several threads and
processes apart; readers need none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import msgspec

from bot.hub import history
from bot.hub.answers import Refused, repo_not_found, revision_not_found
from bot.hub.history import Commit, FileEntry, Operation, Put
from bot.hub.names import check_path, check_ref, check_repo_id
from bot.hub.objects import sync_folder, write_atomically, write_record
from bot.hub.reading import MAIN, Gated, Kind, Refs, RepoSettings, StoreReader

__all__ = ["MAIN", "Gated", "Kind", "Refs", "RepoSettings", "Store"]


class Store(StoreReader):
    """One Hub's repos under `root`, to read and write."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._locks = self.root / ".locks"
        self._locks.mkdir(exist_ok=True)

    # ------------------------------------------------------------ repos

    def create_repo(self, kind: Kind, repo: str, *, private: bool = False, author: str | None = None) -> None:
        """A repo whose first commit holds .gitattributes. Refused (409) when it is there already."""
        check_repo_id(repo)
        date = history.now()
        settings = RepoSettings(id=repo, kind=kind, created_at=date, private=private)
        attributes = history.default_attributes(kind)
        entry = history.regular_entry(attributes, self.objects.put(attributes))
        first = history.make_commit(
            None, {".gitattributes": entry}, "initial commit", "", author or repo.split("/")[0], date
        )
        made = self.objects.scratch / uuid.uuid4().hex
        (made / "commits").mkdir(parents=True)
        write_record(made / "commits" / f"{first.id}.json", first, self.objects.scratch)
        write_record(made / "refs.json", Refs(branches={MAIN: first.id}), self.objects.scratch)
        write_record(made / "repo.json", settings, self.objects.scratch)
        target = self.folder(kind, repo)
        with self.lock(kind, repo):
            try:
                self._rename(made, target, f"You already created this {kind} repo")
            except Refused:
                shutil.rmtree(made, ignore_errors=True)
                raise
            self._show(target, first)

    def _rename(self, folder: Path, target: Path, taken: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise Refused(409, taken) from None
        sync_folder(target.parent)

    def delete_repo(self, kind: Kind, repo: str) -> None:
        """Remove a repo with its history; contents stay in `objects`."""
        with self._existing(kind, repo) as folder:
            gone = self.objects.scratch / uuid.uuid4().hex
            folder.rename(gone)
            sync_folder(folder.parent)
        shutil.rmtree(gone, ignore_errors=True)

    def move_repo(self, kind: Kind, repo: str, to: str) -> None:
        """Rename a repo; the old name leads to the new one. Refused (409) when the new name is taken."""
        with self._existing(kind, repo) as folder:
            target = self.folder(kind, to)
            self._rename(folder, target, f"{to} is taken")
            write_atomically(self._moved(kind, repo), to.encode(), self.objects.scratch)
        self.update_settings(kind, to, id=to)

    def update_settings(self, kind: Kind, repo: str, **changes: Any) -> RepoSettings:
        """Change fields of `RepoSettings`."""
        with self._existing(kind, repo) as folder:
            changed = msgspec.structs.replace(self.settings(kind, repo), **changes)
            write_record(folder / "repo.json", changed, self.objects.scratch)
        return changed

    def set_gated(self, kind: Kind, repo: str, gated: Gated, readers: Iterable[str] = ()) -> None:
        """Gate a repo: only its owner and `readers` get its files from now on."""
        self.update_settings(kind, repo, gated=gated, readers=tuple(readers))

    # ------------------------------------------------------------ writing

    def commit(
        self, kind: Kind, repo: str, files: Mapping[str, bytes | Path], message: str = "Upload files",
        branch: str = MAIN,
    ) -> str:  # fmt: skip
        """Seed without HTTP: add or replace files; returns the commit id."""
        attributes = self.attributes(self.commit_at(kind, repo, branch))
        puts = [
            Put(path=path, entry=self._seeded(path, content, attributes)) for path, content in files.items()
        ]
        return self.commit_operations(kind, repo, branch, puts, message).id

    def _seeded(self, path: str, content: bytes | Path, attributes: str) -> FileEntry:
        sha256 = self.objects.put(content)
        stored = self.objects.path(sha256)
        size = stored.stat().st_size
        with stored.open("rb") as file:
            sample = file.read(512)
        if history.is_lfs(check_path(path), size, sample, attributes):
            return history.lfs_entry(sha256, size)
        return history.regular_entry(stored.read_bytes(), sha256)

    def commit_operations(
        self, kind: Kind, repo: str, branch: str, operations: Iterable[Operation], title: str,
        description: str = "", *, author: str | None = None, parent: str | None = None,
    ) -> Commit:  # fmt: skip
        """Commit on a branch. `parent` guards it: Refused (412) when the branch is elsewhere by now.

        Every content the operations name must be in `objects` already.
        """
        branch = branch.removeprefix("refs/heads/")
        with self._existing(kind, repo) as folder:
            refs = self.refs(kind, repo)
            if branch not in refs.branches:
                raise revision_not_found(branch)
            head = self.commit_at(kind, repo, refs.branches[branch])
            if parent and not head.id.startswith(parent.lower()):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            files = self._with_lfs_rules(history.apply(head.files, operations))
            new = history.make_commit(
                head, files, title, description, author or repo.split("/")[0], history.now()
            )
            write_record(folder / "commits" / f"{new.id}.json", new, self.objects.scratch)
            self._write_refs(
                folder, msgspec.structs.replace(refs, branches={**refs.branches, branch: new.id})
            )
            if branch == MAIN:
                self._show(folder, new)
            return new

    def _with_lfs_rules(self, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        entry = files.get(".gitattributes")
        before = self.objects.path(entry.sha256).read_text("utf-8", "replace") if entry else ""
        after = history.with_lfs_rules(before, (p for p, e in files.items() if e.lfs))
        if after == before:
            return files
        content = after.encode()
        rules = history.regular_entry(content, self.objects.put(content))
        return dict(sorted({**files, ".gitattributes": rules}.items()))

    def create_ref(self, kind: Kind, repo: str, name: str, revision: str, *, tag: bool = False) -> None:
        """A branch or tag at a revision. Refused: 409 when there, 404 without that revision, 400 name."""
        with self._existing(kind, repo) as folder:
            refs = self.refs(kind, repo)
            names = refs.tags if tag else refs.branches
            if check_ref(name) in names:
                raise Refused(409, f"Reference already exists: {name}")
            names = {**names, name: self.resolve(kind, repo, revision)}
            field = "tags" if tag else "branches"
            self._write_refs(folder, msgspec.structs.replace(refs, **{field: names}))

    def delete_ref(self, kind: Kind, repo: str, name: str, *, tag: bool = False) -> None:
        """Remove a branch or tag. Refused: 403 for main, 404 when it is not there."""
        if name == MAIN and not tag:
            raise Refused(403, "The main branch cannot be deleted")
        with self._existing(kind, repo) as folder:
            refs = self.refs(kind, repo)
            field = "tags" if tag else "branches"
            names = dict(refs.tags if tag else refs.branches)
            if names.pop(name, None) is None:
                raise revision_not_found(name)
            self._write_refs(folder, msgspec.structs.replace(refs, **{field: names}))

    # ------------------------------------------------------------ disk

    @contextlib.contextmanager
    def lock(self, *parts: str) -> Iterator[None]:
        """Keep other writers of that repo or collection owner out, in this process and in others."""
        name = "--".join(part.replace("/", "--").lower() for part in parts)
        with filelock.FileLock(self._locks / f"{name}.lock", poll_interval=0.005):
            yield

    @contextlib.contextmanager
    def _existing(self, kind: Kind, repo: str) -> Iterator[Path]:
        if not self.exists(kind, repo):
            raise repo_not_found()
        with self.lock(kind, repo):
            if not self.exists(kind, repo):
                raise repo_not_found()
            yield self.folder(kind, repo)

    def _write_refs(self, folder: Path, refs: Refs) -> None:
        write_record(folder / "refs.json", refs, self.objects.scratch)

    def _show(self, folder: Path, commit: Commit) -> None:
        """Point `main/` at the files of the commit: links for a person to look at, read by nobody else."""
        with contextlib.suppress(OSError):  # nothing depends on it
            self._link_view(folder, commit)

    def _link_view(self, folder: Path, commit: Commit) -> None:
        view = folder / ".views" / commit.id
        for path, entry in commit.files.items():
            link = view / path
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(self.objects.path(entry.sha256), link.parent))
        temporary = folder / ".views" / uuid.uuid4().hex
        temporary.symlink_to(os.path.relpath(view, folder))
        temporary.replace(folder / MAIN)
        for old in (folder / ".views").iterdir():
            if old != view:
                shutil.rmtree(old, ignore_errors=True)
