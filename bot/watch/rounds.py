"""One round over the whole watchlist: authors by their listings, the rest one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot.errors import NotFound
from bot.journal import repos
from bot.journal.repos import KnownListing, KnownRepo
from bot.watch.findings import Findings, renamed
from bot.watch.found import SweepResult
from bot.watch.listing import COMMIT, Followed, followed, marked, not_shown, read_enough, shown_changed
from bot.watch.watchlist import Entry, RepoEntry, entry_for

if TYPE_CHECKING:
    from bot.huggingface import ListedModel, ListedPage


@dataclass(frozen=True)
class _Reading:
    """An author's listing as far as it was read: down to its end (`whole`), or to where the former reading
    began (`follows_on`)."""

    models: tuple[ListedModel, ...]
    etag: str
    whole: bool
    follows_on: bool


class Round(Findings):
    """A sweep under way. `open`: by author, the repos about which something is to be settled (for a `full`
    one, all that are known)."""

    listings: dict[str, KnownListing]
    named: dict[str, KnownRepo]
    open: defaultdict[str, list[KnownRepo]]

    def run(self) -> SweepResult:
        """The whole round."""
        groups, singles = followed(self.watchlist)
        self.listings = repos.known_listings(self.journal)
        self.open = defaultdict(list)
        for row in repos.every_repo(self.journal) if self.full else repos.unsettled(self.journal):
            self.open[_owner(row.repo)].append(row)
        self.named = repos.known_named(self.journal, (str(named.repo) for named in self.watchlist.repos))
        steps: list[tuple[str, Callable[[], None]]] = []
        steps += [(group.author, partial(self._author, group)) for group in groups]
        steps += [(str(one.repo), partial(self._single, one)) for one in singles]
        return self.result(self.all(steps))

    def one(self, repo: str, entry: Entry) -> SweepResult:
        """A look at one repo, whose word about it counts."""
        row = repos.known_named(self.journal, [repo]).get(repo.lower()) or KnownRepo(repo=repo)
        self.absent.add(row.repo)  # who said that it changed is asked for no second witness
        return self.result(self.all([(repo, partial(self.look, entry, row))]))

    # -------------------------------------------------------- one author

    def _author(self, group: Followed) -> None:
        """Read the listing, mark what it shows changed, look at what is marked."""
        reading = self._read(group)
        marks: dict[str, KnownRepo] = {}
        if reading is None:
            self.unchanged.append(group.author)
        else:
            marks = self._marks(group, reading)
            self.rows += marks.values()
            self.write(self._how_far(group, reading))
        still_open = [row for row in self.open[_owner(group.author)] if row.waiting and row.repo not in marks]
        for row in (*marks.values(), *still_open):
            entry = group.entry(row.repo)
            if entry is not None and row.repo not in self.changes:
                self.guarded(row.repo, partial(self.settle, entry, row), write=False)
        for row in filter(None, (self.named.get(name.lower()) for name in group.named)):
            if row.standing == "renamed":
                self.fail(row.repo, renamed(row))
        for name in not_shown(group.named, reading.models if reading else ()):
            entry = group.entry(name)
            if entry is not None and name.lower() not in self.named:
                self.guarded(name, partial(self.look, entry, KnownRepo(repo=name)), write=False)

    def _read(self, group: Followed) -> _Reading | None:
        """The listing as far as it can show something new; None where it says what it said."""
        known = self.listings.get(group.author)
        follows_on = known is not None and known.follows == group.digest and not self.full
        page = self.page(group.author, etag=known.etag if known and follows_on else "")
        if page is None:
            return None
        newest = known.newest if known and follows_on else ""
        models, etag = list(page.models), page.etag
        while page.next is not None and not self._enough(group, page, newest, models):
            page = self.following(group.author, page)
            models += page.models
        if group.wholly and not models and not self.full:
            raise NotFound(f"{group.author} has no models on this Hub: check the name under `authors:`")
        if self.full:  # its pages are longer: the tag of the short first page stays as good as it was
            etag = known.etag if known and known.follows == group.digest else ""
        return _Reading(models=tuple(models), etag=etag, whole=page.next is None, follows_on=follows_on)

    def _enough(self, group: Followed, page: ListedPage, newest: str, models: list[ListedModel]) -> bool:
        if not self.full:
            return read_enough(group, page, newest)
        # Named repos cost one look each where the listing is longer than that.
        return not group.wholly and (self.pages >= len(group.named) or not not_shown(group.named, models))

    def _how_far(self, group: Followed, reading: _Reading) -> KnownListing:
        at = self.now.timestamp()
        known = self.listings.get(group.author) or KnownListing(author=group.author)
        return replace(
            known,
            etag=reading.etag,
            newest=max((model.last_modified for model in reading.models), default=""),
            read_at=at,
            full_at=at if self.full else known.full_at,
            follows=group.digest,
        )

    # -------------------------------------------------------- what to look at

    def _marks(self, group: Followed, reading: _Reading) -> dict[str, KnownRepo]:
        """What the listing shows changed, and what is followed by name and not shown."""
        if self.full:
            self._look_for_absent(group, reading)
        lines = [model for model in reading.models if group.follows(model)]
        known = repos.known_repos(self.journal, (model.repo for model in lines))
        found = [shown_changed(model, known.get(model.repo)) for model in lines]
        marks = {row.repo: row for row in found if row is not None}
        for new in self._renamed_to([row for row in marks.values() if row.repo not in known]):
            marks.pop(new, None)
        if not reading.follows_on and not self.full:
            for name in not_shown(group.named, reading.models):
                row = self.named.get(name.lower())
                if row is not None and row.standing == "present":
                    marks[row.repo] = marked(row, "it is looked at next")
        return marks

    def _renamed_to(self, new: list[KnownRepo]) -> set[str]:
        """Which of these are no new repos but new names: a repo takes its commits along."""
        here = {change.renamed_to for change in self.changes.values()}
        names = {row.repo for row in new if row.repo in here}
        former = repos.known_by_commit(self.journal, (row.sha for row in new if row.sha))
        for row in new:
            old = former.get(row.sha)
            entry = entry_for(self.watchlist, old) if old else None
            if old and entry and row.repo not in names:
                self.look(entry, repos.known_repos(self.journal, [old])[old])
                change = self.changes.get(old)
                if change is not None and change.renamed_to == row.repo:
                    names.add(row.repo)
        return names

    def _look_for_absent(self, group: Followed, reading: _Reading) -> None:
        """Look at each known repo that the whole listing does not show."""
        known = {row.repo: row for row in self.open[_owner(group.author)] if row.standing == "present"}
        for name in not_shown(known, reading.models):
            entry = group.entry(name)
            if entry is not None:
                self.absent |= {name} if reading.whole else set()
                self.guarded(name, partial(self.look, entry, known[name]), write=False)

    def _single(self, named: RepoEntry) -> None:
        entry, row = entry_for(self.watchlist, named.repo), self.named.get(named.repo.lower())
        assert entry is not None, "it stands in the watchlist"
        if row is None:
            self.look(entry, KnownRepo(repo=str(named.repo)))
        elif row.standing == "renamed" and not self.full:
            raise renamed(row)
        elif row.standing == "gone" and not self.full:
            return
        elif COMMIT.fullmatch(named.revision or "") and row.sha == named.revision:
            if row.waiting is not None:
                self.settle(entry, row)
        elif row.waiting is not None and row.waiting.until is not None:
            self.settle(entry, row)
        else:
            self.look(entry, row)


def _owner(repo: str) -> str:
    return repo.split("/")[0].lower()
