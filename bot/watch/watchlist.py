"""`watchlist.yaml`: what is followed, what is made of it, and under which conditions.

Settings at the top hold for every entry; an entry may say otherwise. `entry_for`
gives what holds for one repo.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from bot.errors import ConfigError
from bot.notify.settings import NotifySettings
from bot.recipes.book import Book
from bot.records import BaseRevision, GateSettings, MeasureSettings, Record
from bot.review_settings import ReviewSettings
from bot.watch.budget import Budget
from bot.watch.quantities import (
    Account,
    Against,
    Duration,
    Interval,
    Pattern,
    RecipeItem,
    RecipeName,
    Repo,
    Size,
    Title,
)  # fmt: skip
from bot.watch.recipe_items import check_names, resolved
from bot.yaml_lines import Document, read
from bot.yaml_types import Place

Staging = Literal["private", "branch"]
Publish = Literal["verified", "early"]
Cards = Literal["ask", "auto"]
Acceptable = Literal["gated", "no-license"]
Some = msgspec.Meta(min_length=1)


class ApprovalRule(Record, frozen=True, kw_only=True):
    """Made without asking when the weights are at most `auto_up_to` and the author is in `auto_authors`.

    A condition that is not given holds for all.
    """

    auto_up_to: Size | None = None
    auto_authors: tuple[Account, ...] = ()

    def __post_init__(self) -> None:
        if self.auto_up_to is None and not self.auto_authors:
            raise ValueError("this rule has no condition; write `auto_up_to: 20GB` or `auto_authors: [Qwen]`")


Approval = Literal["auto", "ask"] | ApprovalRule


class Overrides(Record, frozen=True, kw_only=True):
    """What an entry may say otherwise than the top of the file; None: as there."""

    recipes: Annotated[tuple[RecipeName, ...], Some] | None = None
    collections: tuple[Title, ...] | None = None
    approval: Approval | None = None
    accept: tuple[Acceptable, ...] | None = None
    min_age: Duration | None = None
    max_size: Size | None = None
    compare_with: tuple[Against, ...] | None = None
    staging: Staging | None = None
    publish: Publish | None = None
    text_only: bool | None = None
    measure: MeasureSettings | None = None
    gate: GateSettings | None = None
    review: ReviewSettings | None = None


class RepoEntry(Overrides, frozen=True, kw_only=True):
    """One repo, followed at its default branch or at `revision` (a branch, tag or commit)."""

    repo: Repo
    revision: str | None = None


class AuthorEntry(Overrides, frozen=True, kw_only=True):
    """An author's repos changed on `since` or later, their names fitting `match` and nothing in `exclude`."""

    author: Account
    match: Annotated[tuple[Pattern, ...], Some] = (Pattern("*"),)
    exclude: tuple[Pattern, ...] = ()
    since: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.since is None:
            today = datetime.datetime.now(datetime.UTC).date()
            raise ValueError(
                f"`since` is missing; without it all that {self.author} ever published would be made: "
                f"for what changes from today on, add a line `since: {today}`"
            )

    def fits(self, repo: str) -> bool:
        """Whether this entry follows `repo` (upper and lower case are the same)."""
        author, _, name = repo.lower().partition("/")
        return (
            author == self.author.lower()
            and any(fnmatchcase(name, pattern.lower()) for pattern in self.match)
            and not any(fnmatchcase(name, pattern.lower()) for pattern in self.exclude)
        )


class Watchlist(Record, frozen=True, kw_only=True):
    """The whole file. `every` is how often a sweep looks, `account` where quants are published (None: in the
    account that the token belongs to). `recipes` are folders and names; once read, there is always a name.
    `cards`: whether `bot card update` asks before it writes published cards."""

    recipes: Annotated[tuple[RecipeItem, ...], Some]
    account: Account | None = None
    every: Interval = Interval(1800)
    collections: tuple[Title, ...] = (Title("{base} MLX quants"), Title("{author} on MLX"))
    approval: Approval = "ask"
    accept: tuple[Acceptable, ...] = ()
    min_age: Duration = Duration(7200)
    max_size: Size | None = None
    compare_with: tuple[Against, ...] = (Against("siblings"),)
    staging: Staging = "private"
    publish: Publish = "verified"
    cards: Cards = "ask"
    notify: NotifySettings = NotifySettings()
    budget: Budget = Budget()
    text_only: bool = False
    measure: MeasureSettings = MeasureSettings()
    gate: GateSettings = GateSettings()
    review: ReviewSettings | None = None
    repos: tuple[RepoEntry, ...] = ()
    authors: tuple[AuthorEntry, ...] = ()

    @property
    def every_seconds(self) -> float:
        """Seconds between sweeps, as a plain number."""
        return float(self.every)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of recipe files, as paths from here."""
        return tuple(Path(item) for item in self.recipes if item.is_folder)


class LocatedWatchlist(Watchlist, frozen=True, kw_only=True):
    """A watchlist that was read from a file. `lines`: where each setting stands (`watchlist.yaml:12`), by
    its key at the top (`approval`) or in an entry (`repos/a/b/approval`, `authors/2/approval`)."""

    lines: dict[str, str] = msgspec.field(default_factory=dict)


class Entry(Record, frozen=True, kw_only=True):
    """What holds for one repo. Seconds, bytes, dates as year-month-day; `source` is where it stands.

    `lines` says for a setting where it was written, such as `watchlist.yaml:12`.
    `recipes` are names, of built-in recipes or of files in `folders`.
    """

    repo: str
    source: str
    account: str | None
    recipes: tuple[str, ...]
    collections: tuple[str, ...]
    approval: Literal["auto", "ask"]
    auto_up_to: int | None
    auto_authors: tuple[str, ...]
    accept: tuple[str, ...]
    min_age: float
    max_size: int | None
    compare_with: tuple[str, ...]
    staging: Staging
    text_only: bool
    measure: MeasureSettings
    gate: GateSettings = GateSettings()
    review: ReviewSettings | None = None
    publish: Publish = "verified"
    folders: tuple[str, ...] = ()
    revision: str | None = None
    since: str | None = None
    lines: dict[str, str] = msgspec.field(default_factory=dict)

    def needs_yes(self, revision: BaseRevision) -> bool:
        """Whether a person has to approve before anything is made of this revision."""
        if self.approval == "ask":
            return True
        author = self.repo.split("/", 1)[0].lower()
        too_large = self.auto_up_to is not None and revision.weight_bytes > self.auto_up_to
        stranger = bool(self.auto_authors) and author not in (a.lower() for a in self.auto_authors)
        return too_large or stranger


def load_watchlist(path: Path) -> Watchlist:
    """The watchlist at `path`. Raises ConfigError: `watchlist.yaml:12: what is wrong; what is meant`."""
    if not path.exists():
        raise ConfigError(
            f"{path} is not there: `bot init` writes a commented one, or name yours with --watchlist"
        )
    return of_document(read(path))


def of_document(document: Document) -> Watchlist:
    """The watchlist in a YAML document; its folders are relative to where that lies.

    Raises ConfigError, also for entries that follow a repo twice and for recipes that there are not.
    """
    watchlist = _with_recipes(document, document.to(Watchlist))
    seen: dict[str, int] = {}
    for number, entry in enumerate(watchlist.repos):
        first = seen.setdefault(entry.repo.lower(), number)
        if first != number:
            raise document.error(
                ("repos", number, "repo"), f"{entry.repo} is followed twice; keep one of the entries"
            )
    if not watchlist.repos and not watchlist.authors:
        raise document.error((), "nothing is followed; add an entry under `repos:` or `authors:`")
    known = {name: getattr(watchlist, name) for name in Watchlist.__struct_fields__}
    return LocatedWatchlist(**known, lines=_lines(document, watchlist))


def _lines(document: Document, watchlist: Watchlist) -> dict[str, str]:
    """Where the settings stand that are written down, for those who have to say which rule held."""
    places: dict[str, Place] = {name: (name,) for name in Watchlist.__struct_fields__}
    places |= {f"budget/{name}": ("budget", name) for name in Budget.__struct_fields__}
    groups: dict[str, list[str]] = {
        "repos": [entry.repo.lower() for entry in watchlist.repos],
        "authors": [str(number) for number in range(len(watchlist.authors))],
    }
    for group, names in groups.items():
        for number, name in enumerate(names):
            places |= {f"{group}/{name}/{key}": (group, number, key) for key in Overrides.__struct_fields__}
    file = Path(document.name).name
    return {key: f"{file}:{document.line(at)}" for key, at in places.items() if document.has(at)}


def _with_recipes(document: Document, watchlist: Watchlist) -> Watchlist:
    items, book = resolved(document, watchlist.recipes)
    for group in ("repos", "authors"):
        for number, entry in enumerate(getattr(watchlist, group)):
            check_names(document, (group, number, "recipes"), entry.recipes or (), book)
    return replace(watchlist, recipes=items)


def book_for(folders: Iterable[Path], watchlist: Path | None) -> Book:
    """The recipes of these folders and of those that the watchlist names, where there is one.

    Raises ConfigError for a mistake in the watchlist, and for a folder that is missing or empty.
    """
    named = load_watchlist(watchlist).folders if watchlist is not None and watchlist.exists() else ()
    return Book((*folders, *named))


def entry_for(watchlist: Watchlist, repo: str) -> Entry | None:
    """What holds for `repo`: its own entry, else the first author entry that fits, else None."""
    for entry in watchlist.repos:
        if entry.repo.lower() == repo.lower():
            found = _effective(watchlist, entry, repo, f"repos: {entry.repo}", revision=entry.revision)
            return _located(watchlist, entry, found, f"repos/{entry.repo.lower()}")
    for number, author in enumerate(watchlist.authors):
        if author.fits(repo):
            since = author.since.isoformat() if author.since else None
            found = _effective(watchlist, author, repo, f"authors: {author.author}", since=since)
            return _located(watchlist, author, found, f"authors/{number}")
    return None


def _located(watchlist: Watchlist, own: Overrides, entry: Entry, place: str) -> Entry:
    """The entry with the line of each of its settings: its own, else the one at the top of the file."""
    known = watchlist.lines if isinstance(watchlist, LocatedWatchlist) else {}
    found = {}
    for name in Overrides.__struct_fields__:
        where = known.get(name if getattr(own, name) is None else f"{place}/{name}")
        if where is not None:
            found[name] = where
    return replace(entry, lines=found)


def _effective(
    top: Watchlist,
    own: Overrides,
    repo: str,
    source: str,
    *,
    revision: str | None = None,
    since: str | None = None,
) -> Entry:
    """The top's settings with the entry's own laid over, as plain values."""
    chosen = {
        name: getattr(top, name) if getattr(own, name) is None else getattr(own, name)
        for name in Overrides.__struct_fields__
    }
    approval = chosen["approval"]
    rule = approval if isinstance(approval, ApprovalRule) else None
    base = repo.split("/", 1)[1]
    max_size = chosen["max_size"]
    return Entry(
        repo=repo,
        source=source,
        account=None if top.account is None else str(top.account),
        recipes=tuple(str(item) for item in chosen["recipes"] if "/" not in item),
        folders=tuple(str(folder) for folder in top.folders),
        collections=tuple(str(title) for title in chosen["collections"]),
        approval="auto" if rule else approval,
        auto_up_to=int(rule.auto_up_to) if rule and rule.auto_up_to is not None else None,
        auto_authors=tuple(str(author) for author in rule.auto_authors) if rule else (),
        accept=chosen["accept"],
        min_age=float(chosen["min_age"]),
        max_size=int(max_size) if max_size is not None else None,
        compare_with=tuple(str(other).replace("{base}", base) for other in chosen["compare_with"]),
        staging=chosen["staging"],
        publish=chosen["publish"],
        text_only=chosen["text_only"],
        measure=chosen["measure"],
        gate=chosen["gate"],
        review=chosen["review"],
        revision=revision,
        since=since,
    )
