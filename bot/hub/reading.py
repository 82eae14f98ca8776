"""Reading a store: repos, refs, commits and files as plain files under one root. Takes no locks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from bot.hub.answers import entry_not_found, repo_not_found, revision_not_found
from bot.hub.history import Commit, FileEntry
from bot.hub.names import check_repo_id, is_commit_id, is_repo_id, is_user
from bot.hub.objects import Objects
from bot.records import R, Record

Kind = Literal["model", "dataset"]
Gated = Literal["auto", "manual", False]
FOLDERS: dict[Kind, str] = {"model": "models", "dataset": "datasets"}
MAIN = "main"


class RepoSettings(Record, frozen=True):
    """What is not in the git part of a repo. `readers` may read it although it is gated."""

    id: str
    kind: Kind
    created_at: str
    private: bool = False
    gated: Gated = False
    readers: tuple[str, ...] = ()
    downloads: int = 0
    likes: int = 0


class Refs(Record, frozen=True):
    """Branch and tag names to commit ids."""

    branches: dict[str, str]
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class StoreReader:
    """What can be read of one Hub under `root`. Raises `Refused` with the status the Hub would give."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.objects = Objects(self.root)

    def folder(self, kind: Kind, repo: str) -> Path:
        return self.root / FOLDERS[kind] / check_repo_id(repo)

    def exists(self, kind: Kind, repo: str) -> bool:
        return is_repo_id(repo) and (self.folder(kind, repo) / "repo.json").is_file()

    def repos(self, kind: Kind, owner: str = "") -> list[str]:
        """Ids of all repos of that kind (and that owner), sorted."""
        top = self.root / FOLDERS[kind]
        if not owner:
            return sorted(str(p.parent.relative_to(top)) for p in top.glob("*/*/repo.json"))
        return (
            sorted(f"{owner}/{p.parent.name}" for p in (top / owner).glob("*/repo.json"))
            if is_user(owner)
            else []
        )

    def moved_to(self, kind: Kind, repo: str) -> str | None:
        """The name that a repo of this name went to; None where it never moved, or another took the name."""
        if not is_repo_id(repo) or self.exists(kind, repo):
            return None
        try:
            return self._moved(kind, repo).read_text()
        except FileNotFoundError:
            return None

    def _moved(self, kind: Kind, repo: str) -> Path:
        return self.root / "moved" / FOLDERS[kind] / check_repo_id(repo)

    def settings(self, kind: Kind, repo: str) -> RepoSettings:
        stored = self._read(kind, repo, "repo.json", RepoSettings)
        return msgspec.structs.replace(stored, id=repo)  # the folder's name counts: a move is one rename

    def _read(self, kind: Kind, repo: str, name: str, record: type[R]) -> R:
        try:
            content = (self.folder(kind, repo) / name).read_bytes()
        except FileNotFoundError:
            raise repo_not_found() from None
        return msgspec.json.decode(content, type=record)

    def refs(self, kind: Kind, repo: str) -> Refs:
        return self._read(kind, repo, "refs.json", Refs)

    def resolve(self, kind: Kind, repo: str, revision: str = MAIN) -> str:
        """The commit id of a branch, tag, commit id (or its first seven digits and more)."""
        refs = self.refs(kind, repo)
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = refs.branches.get(name) or refs.tags.get(name)
        if found:
            return found
        commits = self.folder(kind, repo) / "commits"
        if is_commit_id(revision) and (commits / f"{revision}.json").is_file():
            return revision
        if 7 <= len(revision) < 40 and all(c in "0123456789abcdef" for c in revision):
            matches = list(commits.glob(f"{revision}*.json"))
            if len(matches) == 1:
                return matches[0].stem
        raise revision_not_found(revision)

    def commit_at(self, kind: Kind, repo: str, revision: str = MAIN) -> Commit:
        """The commit a revision stands for."""
        commit = self.resolve(kind, repo, revision)
        try:
            return _load_commit(self.folder(kind, repo) / "commits" / f"{commit}.json")
        except FileNotFoundError:  # deleted while we looked
            raise repo_not_found() from None

    def log(self, kind: Kind, repo: str, revision: str = MAIN) -> Iterator[Commit]:
        """The commits from a revision back to the first one."""
        commit: Commit | None = self.commit_at(kind, repo, revision)
        while commit is not None:
            yield commit
            commit = self.commit_at(kind, repo, commit.parent) if commit.parent else None

    def entry(self, kind: Kind, repo: str, path: str, revision: str = MAIN) -> FileEntry:
        commit = self.commit_at(kind, repo, revision)
        if path not in commit.files:
            raise entry_not_found(path, commit.id)
        return commit.files[path]

    def read_bytes(self, kind: Kind, repo: str, path: str, revision: str = MAIN) -> bytes:
        """A file's content."""
        return self.objects.path(self.entry(kind, repo, path, revision).sha256).read_bytes()

    def attributes(self, commit: Commit) -> str:
        """The text of a commit's .gitattributes."""
        entry = commit.files.get(".gitattributes")
        return self.objects.path(entry.sha256).read_text("utf-8", "replace") if entry else ""


@lru_cache(maxsize=4096)
def _load_commit(path: Path) -> Commit:
    # A commit file never changes: its name is the hash of what it says.
    return msgspec.json.decode(path.read_bytes(), type=Commit)
