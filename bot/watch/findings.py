"""What one sweep found so far, and how it comes to a word about one repo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.errors import BotError, HubUnavailable, NotFound
from bot.journal import repos
from bot.journal.database import Journal
from bot.journal.repos import KnownListing, KnownRepo
from bot.records import BaseRevision, Change
from bot.watch.due import old_enough_at, too_young
from bot.watch.found import SweepResult, Waiting
from bot.watch.listing import not_shown
from bot.watch.look import Looked, Seen, gone, look, taken_before
from bot.watch.watchlist import Entry, Watchlist

if TYPE_CHECKING:
    from bot.huggingface import HubDoor, ListedPage

PAGE, FULL_PAGE = 100, 1000
"""Lines of a listing that are asked for at once: enough for what changes between two sweeps, and the most."""
MOST_PAGES = 500
"""Of one author: half a million repos at night."""


class Findings:
    """The state of one sweep, and what it found so far."""

    def __init__(
        self,
        watchlist: Watchlist,
        door: HubDoor,
        journal: Journal,
        now: datetime,
        seen: Seen,
        *,
        full: bool = False,
    ) -> None:
        self.watchlist, self.door, self.journal, self.now = watchlist, door, journal, now
        self.seen, self.full = seen, full
        self.absent: set[str] = set()
        self.rows: list[KnownRepo] = []
        self.unchanged: list[str] = []
        self.changes: dict[str, Change] = {}
        self.waiting: dict[str, Waiting] = {}
        self.revisions: dict[str, BaseRevision] = {}
        self.errors: dict[str, str] = {}
        self.requests = self.pages = 0

    def all(self, steps: Iterable[tuple[str, Callable[[], None]]]) -> bool:
        """Take the steps; False when the Hub went away: then the rest need not be tried."""
        try:
            for where, step in steps:
                self.guarded(where, step)
        except HubUnavailable as error:
            self.fail("the sweep", error)
            return False
        finally:
            repos.listings_unchanged(self.journal, self.unchanged, self.now.timestamp())
        return True

    def guarded(self, where: str, step: Callable[[], None], *, write: bool = True) -> None:
        """One step, whose error is a sentence; with `write` its rows are kept whatever comes of it."""
        try:
            step()
        except HubUnavailable:
            raise
        except BotError as error:
            self.fail(where, error)
        finally:
            if write:
                self.write()

    def fail(self, where: str, error: BotError) -> None:
        """Keep the error as a sentence about `where`, an author, a repo or the whole sweep."""
        self.errors[where] = str(error) if where in str(error) else f"{where}: {error}"

    def write(self, read: KnownListing | None = None) -> None:
        """Remember the rows so far, and in the same transaction how far a listing was read."""
        if not self.rows and read is None:
            return
        with self.journal.writing() as connection:
            repos.remember(connection, self.rows)
            if read is not None:
                repos.remember_listing(connection, read)
        self.rows = []

    def result(self, complete: bool) -> SweepResult:
        """All that was found, as the sweep gives it away."""
        return SweepResult(
            changes=tuple(self.changes.values()),
            waiting=tuple(self.waiting.values()),
            errors=tuple(self.errors.values()),
            failed=tuple(self.errors),
            complete=complete,
            at=self.now.isoformat(),
            revisions=self.revisions,
            requests=self.requests,
        )

    # -------------------------------------------------------- one repo

    def settle(self, entry: Entry, row: KnownRepo) -> None:
        """Tell what only time or a commit can settle, and look at the rest."""
        assert row.waiting is not None, "only what is open is to be settled"
        until = old_enough_at(entry, row.last_modified)
        young = until is not None and until > self.now
        if row.waiting.ends == "commit":
            self.waiting[row.repo] = row.waiting
        elif until is not None and young and (row.waiting.until or not row.taken):
            reason = too_young(entry, row.last_modified, self.now) or row.waiting.reason
            told = replace(row.waiting, reason=reason, until=until.isoformat())
            self.waiting[row.repo] = told
            self.rows += [replace(row, waiting=told)] if told != row.waiting else []
        else:
            self.look(entry, row)

    def look(self, entry: Entry, row: KnownRepo) -> None:
        """Look at the repo and keep what came of it. Raises BotErrors."""
        self.requests += 1
        try:
            found = look(self.door, self.journal, entry, row, self.seen, self.now)
        except NotFound:
            if row.standing == "gone":
                return
            if not self._is_gone(row):
                raise
            found = gone(entry, row, taken_before(self.journal, row.repo, self.seen), self.now)
        self.requests += found.requests - 1
        if found.change and row.standing == "renamed" and row.renamed_to == found.change.renamed_to:
            raise renamed(row)
        self._keep(found)

    def _is_gone(self, row: KnownRepo) -> bool:
        """Whether a repo that was there before may be called gone, on every card of it: the look that did not
        find it is one witness, its author's listing the other."""
        if not row.sha or row.standing != "present":
            return False
        if row.waiting is not None and row.waiting.kind == "gone":
            return True
        return self.full and (row.repo in self.absent or not self._is_listed(row.repo))

    def _is_listed(self, repo: str) -> bool:
        author = repo.split("/")[0]
        page = self.page(author)
        while page is not None:
            if not not_shown([repo], page.models):
                return True
            page = self.following(author, page) if page.next else None
        return False

    def following(self, author: str, page: ListedPage) -> ListedPage:
        """The page after this one. Raises HubUnavailable where they do not come to an end."""
        self.pages += 1
        found = self.page(author, page=page.next) if self.pages <= MOST_PAGES else None
        if found is None:
            raise HubUnavailable(f"the listing of {author} does not end: it is not read any further")
        return found

    def page(self, author: str, *, etag: str = "", page: str | None = None) -> ListedPage | None:
        """A page of an author's listing; None where it says what `etag` said."""
        self.requests += 1
        self.pages = self.pages if page else 1
        return self.door.listing(author, etag=etag, page=page, size=FULL_PAGE if self.full else PAGE)

    def _keep(self, found: Looked) -> None:
        self.rows.append(found.row)
        if found.change is not None:
            self.changes[found.change.repo] = found.change
            if found.revision is not None:
                self.revisions[found.change.repo] = found.revision
        elif found.waiting is not None:
            self.waiting[found.waiting.repo] = found.waiting


def renamed(row: KnownRepo) -> NotFound:
    """What to say of a watchlist's entry whose repo has another name, once that was dealt with."""
    return NotFound(f"{row.repo} is {row.renamed_to} now: write that in the watchlist")
