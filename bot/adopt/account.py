"""One account brought up to date in the ledger: one listing, then the repos that changed since.

Each repo is written down as soon as it is read, so that what was interrupted goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from bot.adopt.adopted import Adopted, Origin
from bot.adopt.read import Reader
from bot.adopt.recognise import with_siblings
from bot.errors import BotError, HubUnavailable
from bot.huggingface import ListedModel
from bot.journal import published
from bot.journal.database import Journal
from bot.journal.published import Published
from bot.records import Record


class Entry(Record, frozen=True, kw_only=True):
    """One repo and what it is to the account."""

    origin: Origin
    found: Adopted


class Account(Record, frozen=True, kw_only=True):
    """The account as it stands now. `read`: repos that were read anew; `gone`: known before and not listed
    any more; `failed`: by repo, why it could not be read. `requests`: asked of the Hub in all."""

    account: str
    entries: tuple[Entry, ...] = ()
    read: tuple[str, ...] = ()
    gone: tuple[Adopted, ...] = ()
    failed: dict[str, str] = msgspec.field(default_factory=dict)
    requests: int = 0

    def of(self, origin: Origin) -> tuple[Adopted, ...]:
        return tuple(each.found for each in self.entries if each.origin == origin)


Said = Callable[[str, int, int], None]
"""Told of each repo that is read: its name, which one it is, how many there are to read."""

IN_A_ROW = 3
"""Repos that the Hub does not answer about, one after the other, before the rest is left for another time."""


def refresh(
    reader: Reader,
    journal: Journal,
    account: str,
    *,
    adopting: bool | None = None,
    whole: bool = False,
    oldest: float = 0.0,
    write: bool = True,
    said: Said = lambda *_: None,
) -> Account:
    """Read what changed since last time (`whole`: everything), and keep it unless not to `write`.

    `oldest`: what the bot made is read again if that was done before this time (Unix seconds). `adopting`: a
    person says that what was not made here is to be adopted; None: as they said before.
    Raises HubUnavailable where the Hub ends it in the middle: what was read by then is kept.
    """
    known = published.of_account(journal, account)
    adopts = any(row.origin == "adopted" for row in known.values()) if adopting is None else adopting
    listed = reader.listing(account)
    ledger = _Ledger(journal if write else None, known, adopts)
    due = [model for model in listed if whole or is_due(model, known.get(model.repo), oldest)]
    _read(reader, ledger, due, said)
    ledger.settle({model.repo: model.private for model in listed})
    return Account(
        account=account,
        entries=tuple(ledger.entries[repo] for repo in sorted(ledger.entries)),
        read=tuple(ledger.read),
        gone=ledger.gone,
        failed=ledger.failed,
        requests=reader.requests,
    )


def is_due(model: ListedModel, row: Published | None, oldest: float = 0.0) -> bool:
    """Whether a repo has to be read: it is new, or at another commit, or what is kept is not understood; and
    what the bot made also where it was read before `oldest`."""
    if row is None or row.adopted is None or row.sha != model.sha:
        return True
    return row.origin == "made" and row.read_at < oldest


class _Ledger:
    """What is known of the account, while it is brought up to date. Without a journal nothing is written."""

    def __init__(self, journal: Journal | None, known: Mapping[str, Published], adopts: bool) -> None:
        self._journal, self._known, self._adopts = journal, known, adopts
        self.entries = {
            repo: Entry(origin=row.origin, found=row.adopted)
            for repo, row in known.items()
            if row.adopted is not None
        }
        self.read: list[str] = []
        self.gone: tuple[Adopted, ...] = ()
        self.failed: dict[str, str] = {}

    def before(self, repo: str) -> Adopted | None:
        """What was read of it last."""
        return self.entries[repo].found if repo in self.entries else None

    def keep(self, found: Adopted, read_at: float | None = None) -> None:
        """`read_at`: None where it was just read."""
        found = _with_places(found, self.before(found.repo))
        entry = Entry(origin=found.origin(adopting=self._adopts), found=found)
        if self._journal is not None:
            at = time.time() if read_at is None else read_at
            published.keep(self._journal, found, entry.origin, at)
        self.entries[found.repo] = entry

    def settle(self, private: Mapping[str, bool]) -> None:
        """What follows from the whole listing: what is gone or private, and the bases that siblings know."""
        self.gone = tuple(entry.found for repo, entry in self.entries.items() if repo not in private)
        for found in self.gone:
            del self.entries[found.repo]
            if self._journal is not None:
                published.forget(self._journal, found.repo)
        now = [replace(each.found, private=private[repo]) for repo, each in self.entries.items()]
        for each in with_siblings(now):
            entry = Entry(origin=each.origin(adopting=self._adopts), found=each)
            if entry != self.entries[each.repo]:
                row = self._known.get(each.repo)
                self.keep(each, row.read_at if row is not None and row.sha == each.sha else None)


def _with_places(found: Adopted, before: Adopted | None) -> Adopted:
    """Where it stood in its collections is known from before: the repo does not say so."""
    if found.made is None or before is None or before.made is None or found.made.places:
        return found
    return replace(found, made=replace(found.made, places=before.made.places))


def _read(reader: Reader, ledger: _Ledger, due: Sequence[ListedModel], said: Said) -> None:
    """Read the repos, one after the other. What is wrong with one of them is noted; next time it is read."""
    silent = 0
    for at, model in enumerate(due, 1):
        said(model.repo, at, len(due))
        try:
            found = reader.read(model.repo, ledger.before(model.repo))
        except BotError as error:
            ledger.failed[model.repo] = str(error)
            silent = silent + 1 if isinstance(error, HubUnavailable) else 0
            if silent == IN_A_ROW:
                raise
            continue
        silent = 0
        if found is not None:
            ledger.keep(found)
            ledger.read.append(model.repo)
