"""What is asked for: the watchlist's entry, overridden by the command line, for an account that may write."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from msgspec.structs import replace

from bot import loopback
from bot.errors import UsageError
from bot.huggingface import HubDoor
from bot.plan.decide import Wishes
from bot.publish.account import writable
from bot.recipes.book import Book
from bot.records import Recipe
from bot.settings import Settings
from bot.watch.quantities import Repo
from bot.watch.watchlist import Entry, RepoEntry, entry_for, load_watchlist

DEFAULT_RECIPES = ("qx86-hi", "qx64-hi", "q6-hi", "mxfp4")
"""Made where no watchlist and no --recipe says otherwise: the family of the LFM2 seed card."""

ACCEPTABLE = ("gated", "no-license")
STAGINGS = ("private", "branch")


def wishes_for(
    door: HubDoor,
    known: Settings,
    repo: str,
    watchlist: Path | None,
    *,
    recipes: tuple[str, ...] = (),
    account: str | None = None,
    staging: str | None = None,
    text_only: bool = False,
    accepted: tuple[str, ...] = (),
    keep_private: bool = False,
) -> Wishes:
    """The wishes for one base by hand. A watchlist that is there gives the defaults, watched or not.

    Raises ConfigError for its mistakes, UsageError for a wrong option, NotAllowed where the token may not
    write to the account.
    """
    _check_options(repo, staging, accepted)
    entry = _entry(known, repo, watchlist)
    mine = _wishes(door, known, entry, account, recipes)
    return replace(
        mine,
        staging=cast(Literal["private", "branch"], staging or mine.staging),
        text_only=text_only or mine.text_only,
        accepted=(*mine.accepted, *accepted),
        keep_private=keep_private,
    )


def wishes_of_entry(door: HubDoor, known: Settings, entry: Entry) -> Wishes:
    """The wishes of a watched repo."""
    return _wishes(door, known, entry, None)


def _check_options(repo: str, staging: str | None, accepted: tuple[str, ...]) -> None:
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise UsageError(f"{repo!r} is no repo: write owner/name")
    if staging is not None and staging not in STAGINGS:
        raise UsageError(f"--staging {staging!r} is neither {' nor '.join(STAGINGS)}")
    for word in accepted:
        if word not in ACCEPTABLE:
            raise UsageError(f"--accept {word!r} is neither {' nor '.join(ACCEPTABLE)}")


def _recipes(names: tuple[str, ...], folders: tuple[str, ...]) -> tuple[Recipe, ...]:
    """What the names and paths say. Raises UsageError for two different recipes of one name."""
    book = Book(map(Path, folders))
    found: dict[str, Recipe] = {}
    for name in names:
        recipe = book.parse(name)
        if found.setdefault(recipe.name, recipe) != recipe:
            raise UsageError(f"{name} and another recipe asked for are both called {recipe.name}: rename one")
    return tuple(found.values())


def _entry(known: Settings, repo: str, watchlist: Path | None) -> Entry | None:
    path = watchlist or known.watchlist
    if watchlist is None and not path.exists():
        return None
    found = load_watchlist(path)
    return entry_for(found, repo) or entry_for(replace(found, repos=(RepoEntry(repo=Repo(repo)),)), repo)


def _wishes(
    door: HubDoor, known: Settings, entry: Entry | None, account: str | None, named: tuple[str, ...] = ()
) -> Wishes:
    recipes = _recipes(named or (entry.recipes if entry else DEFAULT_RECIPES), entry.folders if entry else ())
    account = writable(door, account, known.account, entry.account if entry else None)
    rehearsal = loopback.is_loopback_url(known.endpoint)
    if entry is None:
        return Wishes(recipes=recipes, account=account, rehearsal=rehearsal)
    return Wishes(
        recipes=recipes,
        account=account,
        collections=entry.collections,
        measure=entry.measure,
        gate=entry.gate,
        review=entry.review,
        publish=entry.publish,
        compare_with=entry.compare_with,
        staging=entry.staging,
        text_only=entry.text_only,
        accepted=entry.accept,
        rehearsal=rehearsal,
    )
