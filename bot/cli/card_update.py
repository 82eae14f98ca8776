"""`bot card update`: published cards brought up to date after a commit to a template. Heavy imports wait."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.huggingface import HubDoor
    from bot.publish.card_decision import CardUpdate
    from bot.publish.ledger import OnHub
    from bot.publish.update_cards import Planned, Wanted
    from bot.watch.watchlist import Watchlist


def update(
    repo: Annotated[
        str | None, typer.Argument(help="Only the card of this repo, owner/name; default: all published.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    take: Annotated[
        str | None,
        typer.Option(help="Of one repo: mine or theirs, where the hand and the templates changed the same."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Look also at cards whose template did not change.")
    ] = False,
    account: Annotated[str | None, typer.Option(help="Whose cards; default: as for `bot publish`.")] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
) -> None:
    """Show how published cards change with the templates as they are now, and write them after a yes.

    One commit for each repo; the weights stay, and so does what somebody wrote into a card by hand.
    """
    from bot.publish import update_cards
    from bot.publish.card_door import RememberingDoor

    known = settings_.from_environment()
    named = _watchlist(known, watchlist)
    wanted = _wanted(known, repo, take, everything)
    without_asking = (yes or (named is not None and named.cards == "auto")) and not dry_run
    unnamed = _unnamed(wanted.own)
    _refuse_unnamed(unnamed, writes=yes and not dry_run)
    door = RememberingDoor(known)
    found = _repos(door, known, repo, account or known.account or (named.account if named else None))
    plans = update_cards.plans(door, found, wanted)
    if without_asking and not unnamed:
        done = list(_written(door, plans, wanted, quiet=json))
    else:
        planned = list(_shown(plans, quiet=json))
        may = not (dry_run or json or unnamed) and _answered_yes(planned)
        done = list(_written(door, planned, wanted, quiet=True)) if may else [each.update for each in planned]
    _report(done, dry_run=dry_run, json=json)
    _end(done, dry_run=dry_run, unnamed=unnamed)


def _watchlist(known: settings_.Settings, path: Path | None) -> Watchlist | None:
    from bot.watch.watchlist import load_watchlist

    if path is None and not known.watchlist.exists():
        return None
    return load_watchlist(path or known.watchlist)


def _wanted(known: settings_.Settings, repo: str | None, take: str | None, everything: bool) -> Wanted:
    """Raises UsageError for a --take that is neither, or without its repo."""
    from bot.errors import UsageError
    from bot.publish.update_cards import Wanted

    if take is not None and take not in ("mine", "theirs"):
        raise UsageError(f"--take {take!r} is neither mine nor theirs")
    if take is not None and repo is None:
        raise UsageError("--take settles one card: name its repo, owner/name")
    if repo is not None and (repo.count("/") != 1 or not all(repo.split("/"))):
        raise UsageError(f"{repo!r} is no repo: write owner/name")
    own = known.templates.absolute() if known.templates else None
    return Wanted(own=own, take=take, everything=everything)  # type: ignore[arg-type]  # checked above


def _unnamed(own: Path | None) -> str:
    """Why a card of these templates could not name the commit they are from; empty where it can.

    The templates inside an installed package have none; the bot's version, which a card names, stands for it.
    """
    from bot.card.template_folder import commit_of, standard

    commit = commit_of(own or standard())
    if commit is None:
        return f"{own} is in no git repo, or not committed yet" if own else ""
    return f"{own or standard()} has changes that are not committed" if commit.endswith("-dirty") else ""


def _refuse_unnamed(why: str, *, writes: bool) -> None:
    """Say that the templates are not committed. Raises ConfigError where cards were to be written."""
    from bot.cli import show
    from bot.errors import ConfigError

    if not why:
        return
    if writes:
        raise ConfigError(
            f"{why}: commit them first, for a published card names the commit of its template; --dry-run "
            "shows what would change"
        )
    show.err().print(f"{why}: nothing is written until they are.", markup=False, soft_wrap=True)


def _repos(
    door: HubDoor, known: settings_.Settings, repo: str | None, account: str | None
) -> tuple[OnHub, ...]:
    """What is published. Raises NotAllowed without a token, and for a token that may not write there."""
    from bot.cli import show
    from bot.publish import update_cards
    from bot.publish.account import writable

    owner = writable(door, repo.split("/")[0] if repo else account)
    if repo is not None:
        return (update_cards.one(door, repo),)
    with show.err().status(f"reading what {owner} published"):
        return tuple(update_cards.published(door, owner))


def _shown(plans: Iterable[Planned], *, quiet: bool) -> Iterator[Planned]:
    from bot.cli import card_update_tables, show

    for planned in plans:
        if not quiet:
            for part in card_update_tables.changes(planned.update):
                show.out().print(part, soft_wrap=True)
        yield planned


def _written(door: HubDoor, plans: Iterable[Planned], wanted: Wanted, *, quiet: bool) -> Iterator[CardUpdate]:
    from bot.card.figures.draw import figures
    from bot.cli import show
    from bot.publish import update_cards

    for planned in _shown(plans, quiet=quiet):
        done = update_cards.write(door, planned, figures, wanted)
        if done.commit:
            show.err().print(f"{done.repo}: written, {done.commit[:12]}", soft_wrap=True, markup=False)
        yield done


def _answered_yes(planned: list[Planned]) -> bool:
    """Ask, where there is something to write and somebody to ask."""
    due = sum(1 for each in planned if each.update.writes)
    if not due or not sys.stdin.isatty():
        return False
    return typer.confirm(f"Write {due} {'card' if due == 1 else 'cards'}?")


def _report(done: list[CardUpdate], *, dry_run: bool, json: bool) -> None:
    from bot.cli import card_update_tables, show

    if json:
        show.as_json({"cards": [_as_json(each) for each in done], "dry_run": dry_run})
        return
    if not done:
        show.out().print("There are no published cards of the bot's here.")
        return
    for part in card_update_tables.summary(done, dry_run=dry_run):
        show.out().print(part, soft_wrap=True)


def _as_json(each: CardUpdate) -> dict[str, Any]:
    names = ("repo", "status", "edited", "commit", "note", "error", "error_kind", "diff")
    return {
        **{name: getattr(each, name) for name in names},
        "blocks": list(each.blocks),
        "kept": list(each.kept),
        "hand_diff": each.hand_diff,
        "template_diff": each.template_diff if each.status == "conflict" else "",
    }


def _end(done: list[CardUpdate], *, dry_run: bool, unnamed: str) -> None:
    """Raises the class of the first failure; NeedsPerson where a card waits for a decision or a yes."""
    from bot.errors import BY_NAME, BotError, NeedsPerson

    failed = [each for each in done if each.status == "failed"]
    if failed:
        kind = BY_NAME.get(failed[0].error_kind, BotError)
        raise kind(f"{len(failed)} of {len(done)} cards failed: {failed[0].repo}: {failed[0].error}")
    conflicts = [each for each in done if each.status == "conflict"]
    if conflicts:
        raise NeedsPerson(
            f"{len(conflicts)} of {len(done)} cards wait for a decision: {conflicts[0].repo}: "
            f"{conflicts[0].note}"
        )
    waiting = sum(1 for each in done if each.writes)
    if waiting and not dry_run:
        way_out = f"{unnamed}: commit them" if unnamed else "say --yes, or answer the question"
        raise NeedsPerson(f"{waiting} of {len(done)} cards are not written: {way_out}")
