"""What is wrong with what was published: pure decisions over what was read. See `trouble.Trouble`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from bot.adopt.adopted import Adopted, Made
from bot.adopt.advisories import Advisory, against
from bot.adopt.recognise import is_weight
from bot.adopt.trouble import Trouble, TroubleKind
from bot.card.figures import FOLDER as FIGURES
from bot.publish import outcomes
from bot.publish.collections import TITLE_LENGTH
from bot.publish.files import CARD, differences
from bot.publish.ledger import MANIFEST
from bot.records import Record

_BESIDE_THE_CARD = (f"{outcomes.FOLDER}/", f"{FIGURES}/")
"""Folders of what a card's update writes."""


class Upstream(Record, frozen=True, kw_only=True):
    """How the watch last saw a base."""

    standing: str = "present"
    renamed_to: str | None = None


class Shelf(Record, frozen=True, kw_only=True):
    """One collection of the account: its title and the models in it, in their order."""

    title: str
    repos: tuple[str, ...] = ()


class _Way(Record, frozen=True, kw_only=True):
    """What is said of files that are not as they were written, and the way back. `{some}` are their names."""

    kind: TroubleKind
    text: str
    repair: str
    command: str


_EDITED = _Way(
    kind="edited",
    text="the card of {repo} was edited by hand since the bot wrote it",
    repair="nothing has to be done: the next update of the card keeps those words, and this shows them",
    command="bot card update {repo} --all --dry-run",
)
_MISSING = _Way(
    kind="missing",
    text=f"{{repo}} lacks {{some}}, which its {MANIFEST} lists",
    repair="make it again from the same base; a file that is missing is enough for the bot to do so",
    command="bot publish {base} --recipe {recipe}",
)
_BESIDE = _Way(
    kind="changed",
    text=f"{{repo}} holds other bytes than its {MANIFEST} says in {{some}}, beside its card",
    repair="put back what the bot wrote; what was edited by hand in the card goes with it",
    command="bot card update {repo} --all --take mine",
)
_CHANGED = _Way(
    kind="changed",
    text=f"{{repo}} holds other bytes than its {MANIFEST} says in {{some}}",
    repair="make it again, which puts back what was verified",
    command="bot recall --repo {repo} --rebuild --yes",
)
_STRAY = _Way(
    kind="changed",
    text="{repo} holds weights that are not the bot's, {some}: mlx-lm loads them all",
    repair="delete them on its page, or make it again",
    command="bot recall --repo {repo} --rebuild --yes",
)


def troubles_of(
    found: Adopted, advisories: Iterable[Advisory] = (), upstream: Upstream | None = None
) -> tuple[Trouble, ...]:
    """What is wrong with one quant that the bot made, collections aside; nothing for others."""
    made = found.made
    if made is None:
        return ()
    return (
        *_files(found, made),
        *_stale(found, made, advisories),
        *_base(found, upstream or Upstream()),
    )


def _files(found: Adopted, made: Made) -> tuple[Trouble, ...]:
    """The card, missing files, changed ones, and weights that nobody listed."""
    mine, there = ({file.path: file for file in files} for files in (made.files, found.files))
    changed = [path for path in mine if path in there and differences([mine[path]], [there[path]])]
    beside = [path for path in changed if path.startswith(_BESIDE_THE_CARD)]
    wrong = (
        (_EDITED, [path for path in changed if path == CARD]),
        (_MISSING, [path for path in mine if path not in there]),
        (_BESIDE, beside),
        (_CHANGED, [path for path in changed if path != CARD and path not in beside]),
        (_STRAY, [path for path in there if path not in mine and is_weight(path)]),
    )
    return tuple(_told(way, found, paths) for way, paths in wrong if paths)


def _told(way: _Way, found: Adopted, paths: Sequence[str]) -> Trouble:
    words = {"repo": found.repo, "base": found.base, "recipe": found.recipe.name, "some": _some(paths)}
    return Trouble(
        repo=found.repo,
        kind=way.kind,
        text=way.text.format(**words),
        repair=way.repair,
        command=way.command.format(**words),
    )


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{', '.join(sorted(paths)[:3])}{more}"


def _stale(found: Adopted, made: Made, advisories: Iterable[Advisory]) -> tuple[Trouble, ...]:
    return tuple(
        Trouble(
            repo=found.repo,
            kind="stale",
            text=f"{found.repo} was made or measured with {each.tool} {made.versions[each.tool]}: {each.what}"
            f" ({each.source})",
            repair="recall it and make it again with another version"
            if each.touches == "weights"
            else "recall it and measure it again with another version",
            command=f"bot recall --tool '{each.tool}{each.versions}' "
            f"{'--rebuild' if each.touches == 'weights' else '--remeasure'} --yes",
        )
        for each in against(made.versions, made.made_with or made.versions, advisories)
    )


def _base(found: Adopted, upstream: Upstream) -> tuple[Trouble, ...]:
    if upstream.standing == "renamed":
        to = f" to {upstream.renamed_to}" if upstream.renamed_to else ""
        text, repair = f"its base {found.base} was renamed{to}", "the cards follow with the next patch"
    elif upstream.standing == "gone":
        text = f"its base {found.base} was deleted or made private"
        repair = "the card is marked by the next patch; nothing new is made"
    else:
        return ()
    return (Trouble(repo=found.repo, kind="base", text=f"{found.repo}: {text}", repair=repair),)


def gone(found: Adopted) -> Trouble:
    """A repo that the bot made and that the account no longer has."""
    return Trouble(
        repo=found.repo,
        kind="gone",
        text=f"{found.repo} is no longer on the account, or not for this token",
        repair="make it again, if it was not meant to go",
        command=f"bot publish {found.base} --recipe {found.recipe.name}",
    )


def unreadable(repo: str, why: str) -> Trouble:
    """A repo that is known and that the Hub would not let be read."""
    return Trouble(
        repo=repo,
        kind="unreadable",
        text=f"{repo} could not be read: {why}",
        repair="it is tried again the next time",
    )


def misplaced(found: Iterable[Adopted], shelves: Mapping[str, Shelf]) -> tuple[Trouble, ...]:
    """Collections of the manifests that a quant is not in, or in which it stands elsewhere than before.

    `shelves` are those that were looked at, by title; items that are not the bot's play no part.
    """
    mine = {each.repo: each for each in found if each.made is not None and not each.private}
    left = (
        _left(each, shelf)
        for each in mine.values()
        for shelf in _shelves_of(each, shelves)
        if each.repo not in shelf.repos
    )
    moved = (_moved(mine, shelf) for shelf in shelves.values())
    return (*left, *filter(None, moved))


def _shelves_of(each: Adopted, shelves: Mapping[str, Shelf]) -> tuple[Shelf, ...]:
    titles = [title[:TITLE_LENGTH] for title in each.made.collections] if each.made else []
    return tuple(shelves[title] for title in dict.fromkeys(titles) if title in shelves)


def _left(each: Adopted, shelf: Shelf) -> Trouble:
    return Trouble(
        repo=each.repo,
        kind="collection",
        text=f"{each.repo} is not in the collection {shelf.title!r}, where its {MANIFEST} puts it",
        about=shelf.title,
        repair="put it back at the end; what else is there stays as it is",
        command=f"bot adopt {each.repo.split('/', 1)[0]} --check --yes",
    )


def _moved(mine: Mapping[str, Adopted], shelf: Shelf) -> Trouble | None:
    """The first of the bot's quants that stands after one which it stood before."""
    known = [(repo, _place(mine[repo], shelf.title)) for repo in shelf.repos if repo in mine]
    placed = [(repo, place) for repo, place in known if place is not None]
    for (before, one), (after, other) in itertools.pairwise(placed):
        if one > other:
            return Trouble(
                repo=after,
                kind="collection",
                text=f"{after} stands after {before} in the collection {shelf.title!r}, and stood before it",
                about=shelf.title,
                repair="move it back by hand if it was not meant; from now on this order counts as right",
            )
    return None


def _place(each: Adopted, title: str) -> int | None:
    return each.made.places.get(title) if each.made else None


def placed(found: Iterable[Adopted], shelves: Mapping[str, Shelf]) -> tuple[Adopted, ...]:
    """Those whose place among the bot's own quants is another now, with the place they have."""
    mine = {each.repo: each for each in found if each.made is not None}
    return tuple(now for each in mine.values() if (now := _placed(each, mine, shelves)) != each)


def _placed(each: Adopted, mine: Mapping[str, Adopted], shelves: Mapping[str, Shelf]) -> Adopted:
    assert each.made is not None, "only what the bot made has places"
    places = dict(each.made.places)
    for shelf in shelves.values():
        own = [repo for repo in shelf.repos if repo in mine]
        places.pop(shelf.title, None)
        if each.repo in own:
            places[shelf.title] = own.index(each.repo)
    return replace(each, made=replace(each.made, places=places))
