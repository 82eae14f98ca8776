"""The nightly re-read: what of the published changed since it was published, and how to mend it.

Requests: one listing of the repos, one for each repo at another commit (and one for a manifest that is new),
one list of the collections, one for each that changed since. Once in a while (WHOLE) all of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy

from bot.adopt import decide
from bot.adopt.account import refresh
from bot.adopt.adopted import Adopted
from bot.adopt.advisories import Advisory
from bot.adopt.decide import Shelf, Upstream
from bot.adopt.read import Reader
from bot.adopt.trouble import Trouble
from bot.huggingface import HubDoor
from bot.journal import published, tables
from bot.journal.database import Journal
from bot.journal.published import Published
from bot.journal.timeline import tell
from bot.publish import collections
from bot.publish.collections import TITLE_LENGTH

WHOLE = 14 * 86_400.0
"""Seconds after which a quant of the bot's is read again although its commit is the same."""


def reread(
    door: HubDoor, journal: Journal, account: str, advisories: Sequence[Advisory] = (), *, whole: bool = False
) -> list[Trouble]:
    """Look at what the account has published (`whole`: at everything). Returns all that is wrong now; what
    was not wrong the last time is told on the timeline, with the proposed repair.

    Raises BotError where the listing or the database cannot be read. Nothing is written on the Hub.
    """
    before = published.of_account(journal, account)
    found = refresh(Reader(door), journal, account, whole=whole, oldest=time.time() - WHOLE)
    made = found.of("made")
    shelves = _shelves(door, account, made, before, whole)
    upstream = _upstream(journal, {each.base for each in made})
    troubles = [
        *(t for each in made for t in decide.troubles_of(each, advisories, upstream.get(each.base))),
        *decide.misplaced(made, shelves),
        *_still_misplaced(made, shelves, before),
        *(decide.gone(each) for each in found.gone if each.made is not None),
    ]
    troubles += [decide.unreadable(repo, why) for repo, why in found.failed.items() if repo in before]
    _remember(journal, decide.placed(made, shelves), made, troubles)
    _tell(journal, before, troubles)
    return troubles


def _shelves(
    door: HubDoor, account: str, made: Sequence[Adopted], before: Mapping[str, Published], whole: bool
) -> dict[str, Shelf]:
    """The collections of the manifests that changed since their quants were read; those that are not there
    are empty. The rest is not asked for."""
    members: dict[str, list[Adopted]] = {}
    for each in made:
        for title in each.made.collections if each.made else ():
            members.setdefault(title[:TITLE_LENGTH], []).append(each)
    if not members:
        return {}
    there = {each.title: each for each in reversed(collections.listed(door, account))}
    found: dict[str, Shelf] = {}
    for title, mine in members.items():
        listed = there.get(title)
        if listed is None:
            found[title] = Shelf(title=title)
        elif whole or listed.updated > _looked_at(title, mine, before):
            found[title] = Shelf(title=title, repos=collections.models(door, listed.slug))
    return found


def _looked_at(title: str, mine: Iterable[Adopted], before: Mapping[str, Published]) -> float:
    """When the collection was surely looked at: with the last reading of its quants; never, where one of them
    has no place in it yet."""
    if any(each.made is None or title not in each.made.places for each in mine):
        return 0.0
    return max((before[each.repo].read_at for each in mine if each.repo in before), default=0.0)


def _still_misplaced(
    made: Iterable[Adopted], shelves: Mapping[str, Shelf], before: Mapping[str, Published]
) -> tuple[Trouble, ...]:
    """What was missing from a collection that nobody changed since is missing from it still."""
    return tuple(
        trouble
        for each in made
        if each.repo in before
        for trouble in before[each.repo].trouble
        if trouble.kind == "collection" and trouble.command and trouble.about not in shelves
    )


def _upstream(journal: Journal, bases: set[str]) -> dict[str, Upstream]:
    """What the watch noted of these bases."""
    seen = tables.repo.c
    asked = sqlalchemy.select(seen.repo, seen.standing, seen.renamed_to).where(seen.repo.in_(sorted(bases)))
    with journal.reading() as connection:
        rows = connection.execute(asked).all()
    return {repo: Upstream(standing=standing, renamed_to=to) for repo, standing, to in rows}


def _remember(
    journal: Journal, moved: Iterable[Adopted], made: Iterable[Adopted], troubles: Iterable[Trouble]
) -> None:
    for each in moved:
        published.keep(journal, each, "made", time.time())
    by_repo: dict[str, list[Trouble]] = {each.repo: [] for each in made}
    for trouble in troubles:
        by_repo.setdefault(trouble.repo, []).append(trouble)
    published.keep_trouble(journal, by_repo)


def _tell(journal: Journal, before: Mapping[str, Published], troubles: Iterable[Trouble]) -> None:
    for trouble in troubles:
        known = before[trouble.repo].trouble if trouble.repo in before else ()
        if trouble not in known:
            data = {"kind": trouble.kind, "repair": trouble.repair, "command": trouble.command}
            tell(journal, "repair", trouble.repo, f"{trouble.text}: {trouble.repair}", data)


def mend(door: HubDoor, troubles: Iterable[Trouble], known: Mapping[str, Published]) -> list[Trouble]:
    """Put back into their collections what is missing there: all that can be mended without making anything.

    Returns what was mended. Raises BotError.
    """
    done = []
    for trouble in troubles:
        row = known.get(trouble.repo)
        if trouble.kind != "collection" or not trouble.command or row is None or row.adopted is None:
            continue
        made = row.adopted.made
        note = f"{row.recipe}: {made.bits_per_weight:.2f} bits per weight" if made else row.recipe
        collections.add(door, row.account, trouble.about, trouble.repo, note)
        done.append(trouble)
    return done
