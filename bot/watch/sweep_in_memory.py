"""The sweep whose memory is the caller's, until the daemon calls the other one (`bot.watch.sweep`).

One look at everything that is followed, with as few requests as the Hub allows.

An author costs one listing, newest first, read only as far as it can show
something new; a named repo one look, none when its author's listing shows it. What
was made of a repo before comes from outside (`seen`: the database, the manifests),
and the former sweep's result (`before`) says what is still open. Without it,
everything back to each author's `since` is read: at the start, after the watchlist
changed, and once a night to find what a listing does not show (gating, deleted repos).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from bot.errors import BotError, HubUnavailable, NotFound
from bot.records import BaseRevision, Change, ChangeKind
from bot.watch.changes import classify
from bot.watch.due import due, ready_at
from bot.watch.found import SweepResult, Waiting
from bot.watch.watchlist import AuthorEntry, Entry, Watchlist, entry_for

if TYPE_CHECKING:
    from bot.huggingface import HubDoor

_COMMIT = re.compile(r"[0-9a-f]{40}")
_UNMADE: dict[ChangeKind, str] = {
    "license": "its license or gating changed: read its page, then publish it by hand with `bot publish`",
    "card": "only its README changed: its quants stay as they are",
    "other": "nothing that a quant is made of changed: its quants stay as they are",
}
"""Kinds of change of which nothing is made without a person."""

Seen = Callable[[str], BaseRevision | None]
"""The revision of a repo that was taken up last; None when none ever was."""


def sweep_in_memory(
    watchlist: Watchlist,
    hub: HubDoor,
    seen: Seen,
    now: datetime,
    before: SweepResult | None = None,
) -> SweepResult:
    """What changed since `seen(repo)`, what waits, what failed.

    An author or repo that cannot be looked at is in `errors`, not raised. `now` is aware of its zone.
    """
    digest = hashlib.sha256(repr(watchlist).encode()).hexdigest()[:16]
    if before is not None and not (before.complete and before.watchlist == digest):
        before = None
    work = _Sweep(watchlist, hub, seen, now, before)
    try:
        work.run()
    except HubUnavailable as error:
        work.fail("the sweep", error)
        complete = False
    else:
        complete = True
    return SweepResult(
        changes=tuple(work.changes),
        waiting=tuple(work.waiting),
        errors=tuple(work.errors.values()),
        failed=tuple(work.errors),
        complete=complete,
        watchlist=digest,
        at=now.isoformat(),
    )


class _Sweep:
    """The state of one sweep: `to_look` maps each candidate to the commit a listing showed ("" if none)."""

    def __init__(
        self,
        watchlist: Watchlist,
        hub: HubDoor,
        seen: Seen,
        now: datetime,
        before: SweepResult | None,
    ) -> None:
        self.watchlist, self.hub, self.now, self.before = watchlist, hub, now, before
        self.seen = cache(seen)
        self.held = {w.repo: w for w in before.waiting} if before else {}
        self.failed = set(before.failed) if before else set()
        self.to_look: dict[str, str] = {}
        self.read_to_known: set[str] = set()
        self.changes: list[Change] = []
        self.waiting: list[Waiting] = []
        self.errors: dict[str, str] = {}

    def run(self) -> None:
        """Raises HubUnavailable when the Hub is gone: then the rest need not be tried."""
        authors: dict[str, list[AuthorEntry]] = {}
        for author in self.watchlist.authors:
            authors.setdefault(author.author, []).append(author)
        for name, entries in authors.items():
            self._guarded(name, partial(self._list, name, entries))
        self._add_named()
        self._add_open()
        for repo, sha in self.to_look.items():
            self._guarded(repo, partial(self._look, repo, sha))

    def fail(self, where: str, error: BotError) -> None:
        """Keep the error as a sentence about `where`, an author, a repo or the whole sweep."""
        self.errors[where] = str(error) if where in str(error) else f"{where}: {error}"

    def known(self, repo: str) -> str | None:
        revision = self.seen(repo)
        return revision.sha if revision else None

    def _guarded(self, where: str, step: Callable[[], None]) -> None:
        try:
            step()
        except HubUnavailable:
            raise
        except BotError as error:
            self.fail(where, error)

    # -------------------------------------------------------- what to look at

    def _list(self, author: str, entries: list[AuthorEntry]) -> None:
        """The author's repos that one of the entries follows, newest first."""
        since = min(entry.since.isoformat() for entry in entries if entry.since)
        stop_below, day = "", None
        for model in self.hub.list_models(author):
            day = model.last_modified[:10]
            if model.last_modified < stop_below or (day and day < since):
                break
            entry = entry_for(self.watchlist, model.repo)
            if entry is None or entry.revision or (entry.since and day and day < entry.since):
                continue
            self.to_look[model.repo] = model.sha
            if self.before and author not in self.failed and self.known(model.repo) == model.sha:
                # Whatever changed since the former sweep stands above; others of the same instant may follow.
                stop_below = model.last_modified
                self.read_to_known.add(author.lower())
        if day is None:
            raise NotFound(f"{author} has no models on this Hub: check the name under `authors:`")

    def _add_named(self) -> None:
        for named in self.watchlist.repos:
            repo, revision = str(named.repo), named.revision or ""
            pinned = _COMMIT.fullmatch(revision) and self.known(repo) == revision
            shown = not revision and repo.split("/")[0].lower() in self.read_to_known and self.known(repo)
            if not pinned and not (shown and repo not in self.failed):
                self.to_look.setdefault(repo, "")

    def _add_open(self) -> None:
        """What the former sweep found and nobody has taken up, or could not look at."""
        if self.before is None:
            return
        open_ = [(change.repo, change.sha) for change in self.before.changes]
        open_ += [(waiting.repo, waiting.sha) for waiting in self.before.waiting]
        for repo, sha in open_:
            if entry_for(self.watchlist, repo) and self.known(repo) != sha:
                self.to_look.setdefault(repo, sha)
        for where in self.failed:
            if "/" in where and entry_for(self.watchlist, where):
                self.to_look.setdefault(where, "")

    # -------------------------------------------------------- one repo

    def _look(self, repo: str, sha: str) -> None:
        last = self.seen(repo)
        entry = entry_for(self.watchlist, repo)
        if entry is None or (last and sha == last.sha):
            return
        held = self.held.get(repo)
        if held and held.sha == sha and (held.until is None or held.until > self.now.isoformat()):
            self.waiting.append(held)
            return
        revision = self.hub.base_revision(repo, entry.revision)
        if last is None or revision.sha != last.sha:
            self._sort(entry, revision, last)

    def _sort(self, entry: Entry, revision: BaseRevision, last: BaseRevision | None) -> None:
        """Into what is to be made and what waits."""
        kind = classify(last, revision)
        reason = _UNMADE.get(kind) or due(entry, revision, self.now)
        if reason is None:
            self.changes.append(
                Change(
                    repo=revision.repo,
                    sha=revision.sha,
                    kind=kind,
                    before=last.sha if last else None,
                    seen_at=self.now.isoformat(),
                    watch_entry=entry.source,
                )
            )
            return
        ready = ready_at(entry, revision)
        until = ready.astimezone(self.now.tzinfo).isoformat() if ready and ready > self.now else None
        self.waiting.append(
            Waiting(repo=revision.repo, sha=revision.sha, kind=kind, reason=reason, until=until)
        )
