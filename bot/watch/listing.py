"""What an author's listing tells: whom to read it for, how far, and which repos it shows changed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.journal.repos import KnownRepo
from bot.records import ChangeKind
from bot.watch.found import Waiting
from bot.watch.watchlist import AuthorEntry, Entry, RepoEntry, Watchlist, entry_for

if TYPE_CHECKING:
    from bot.huggingface import ListedModel, ListedPage

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Followed:
    """One author of whom a listing is read: because all of theirs is followed (`wholly`, as far as patterns
    and dates go), or because several of their repos are named. `only` is the part of the watchlist that is
    about them."""

    author: str
    only: Watchlist

    @property
    def wholly(self) -> bool:
        return bool(self.only.authors)

    @property
    def named(self) -> tuple[str, ...]:
        """Their repos that are followed by name, at the default branch."""
        return tuple(str(entry.repo) for entry in self.only.repos if not entry.revision)

    @property
    def since(self) -> str:
        """The first day (year-month-day) of which the patterns' repos count."""
        return min((entry.since.isoformat() for entry in self.only.authors if entry.since), default="")

    @property
    def digest(self) -> str:
        """Changes with what is followed of the author, and with nothing else."""
        rules = [(entry.match, entry.exclude, entry.since) for entry in self.only.authors]
        return hashlib.sha256(repr((rules, sorted(self.named))).encode()).hexdigest()[:16]

    def entry(self, repo: str) -> Entry | None:
        """What holds for a repo that is followed at its default branch; None for any other."""
        found = entry_for(self.only, repo)
        return found if found is not None and not found.revision else None

    def follows(self, model: ListedModel) -> bool:
        """Whether the listing's line is about a repo that is followed."""
        entry = self.entry(model.repo)
        day = model.last_modified[:10]
        return entry is not None and not (entry.since and day and day < entry.since)


def followed(watchlist: Watchlist) -> tuple[list[Followed], list[RepoEntry]]:
    """Whose listings to read, and which named repos to look at one by one.

    A repo is looked at by itself when it is followed at a revision, of which no listing tells, or when it is
    the only one of an author who is not followed: then a listing would cost as much.
    """
    authors: dict[str, list[AuthorEntry]] = {}
    named: dict[str, list[RepoEntry]] = {}
    for author in watchlist.authors:
        authors.setdefault(author.author.lower(), []).append(author)
    for repo in watchlist.repos:
        named.setdefault(repo.repo.split("/")[0].lower(), []).append(repo)
    groups, singles = [], [repo for repo in watchlist.repos if repo.revision]
    for key in dict.fromkeys((*authors, *named)):
        by_branch = [repo for repo in named.get(key, ()) if not repo.revision]
        if key not in authors and len(by_branch) < 2:
            singles += by_branch
            continue
        spelled = str(authors[key][0].author) if key in authors else by_branch[0].repo.split("/")[0]
        only = replace(watchlist, repos=tuple(named.get(key, ())), authors=tuple(authors.get(key, ())))
        groups.append(Followed(spelled, only))
    return groups, singles


def read_enough(group: Followed, page: ListedPage, newest: str) -> bool:
    """Whether the pages behind this one can show nothing new. `newest`: the newest change of the former
    reading, "" where there was none.

    Whatever changed since the former reading stands above what was newest then; others of the same instant
    may follow it. Without one, an author's repos are read back to `since`; named ones that the first page
    does not show cost less by themselves.
    """
    if not page.models:
        return True
    last = page.models[-1].last_modified
    if newest:
        return last < newest
    return not group.wholly or bool(last and last[:10] < group.since)


def shown_changed(model: ListedModel, known: KnownRepo | None) -> KnownRepo | None:
    """The repo with a mark that it is to be looked at; None when the listing shows what is known of it."""
    if known is None or known.standing != "present" or not _same(model, known):
        reason = "it changed: it is looked at next"
    elif known.gated is not None and known.gated != model.gated:
        reason = "its gating changed: it is looked at next"
    else:
        return None
    return marked(
        known or KnownRepo(repo=model.repo), reason, sha=model.sha, last_modified=model.last_modified
    )


def _same(model: ListedModel, known: KnownRepo) -> bool:
    return model.sha == known.sha if model.sha else model.last_modified == known.last_modified


def marked(known: KnownRepo, reason: str, *, sha: str = "", last_modified: str = "") -> KnownRepo:
    """The repo with the mark that it is to be looked at, and why."""
    sha = sha or known.sha
    kind: ChangeKind = "other" if known.taken else "new"
    waiting = Waiting(repo=known.repo, sha=sha, kind=kind, reason=reason)
    return replace(
        known,
        standing="present",
        sha=sha,
        last_modified=last_modified or known.last_modified,
        waiting=waiting,
    )


def not_shown(names: Iterable[str], models: Sequence[ListedModel]) -> list[str]:
    """The repos of these names that no line is about, whatever the spelling."""
    shown = {model.repo.lower() for model in models}
    return [name for name in names if name.lower() not in shown]
