"""`bot plan …`: what the bot would do, what waits for a yes; to read, to change, to make one by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bot import settings as settings_

if TYPE_CHECKING:
    from bot.plan.estimate import PastRun
    from bot.plan.rules import Verdict
    from bot.settings import Settings
    from bot.watch.watchlist import Watchlist

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Watched = Annotated[Path | None, typer.Option("--watchlist", help="Default: watchlist.yaml here.")]


class _Named(TyperGroup):
    """`bot plan OWNER/NAME` and `bot plan ID` beside the commands that have a name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["of" if "/" in args[0] else "show", *args]
        return super().resolve_command(ctx, args)


plan = typer.Typer(cls=_Named, invoke_without_command=True, subcommand_metavar="[OWNER/NAME | ID | COMMAND]")


@plan.callback()
def _plan(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was refused, superseded, or is over.")
    ] = False,
    watchlist: Watched = None,
    json: Json = False,
) -> None:
    """What waits for a yes, starts next and runs; OWNER/NAME plans one base now, ID shows one plan."""
    if ctx.invoked_subcommand is not None:
        return
    from bot.cli import plan_words, show
    from bot.journal import plans
    from bot.journal.looking import looking
    from bot.plan import decisions
    from bot.plan.proposal import State

    known = settings_.from_environment()
    states: tuple[State, ...] = () if everything else ("waiting", "approved", "started")
    with looking(known) as opened:
        kept = plans.listed(opened, states)
        found = _watchlist(known, watchlist) if any(one.state == "approved" for one in kept) else None
        ordered = dict(_outlook(known, opened, found)) if found else {}
    if json:
        show.as_json([plan_words.as_json(one, ordered.get(one.id)) for one in kept])
        return
    console = show.out()
    for line in plan_words.list_lines(kept, ordered, decisions.BY_RULE):
        plan_words.put(console, line)


@plan.command("of", hidden=True)
def of(
    repo: Annotated[str, typer.Argument(help="The base model, owner/name.")],
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag; default: the newest.")] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="A recipe or its file; may be repeated.")] = None,
    account: Annotated[str | None, typer.Option(help="Publish here.")] = None,
    staging: Annotated[str | None, typer.Option(help="private or branch.")] = None,
    keep_private: Annotated[bool, typer.Option("--keep-private", help="Stop after verification.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it among the plans, where it waits for a yes.")
    ] = False,
    watchlist: Watched = None,
    json: Json = False,
) -> None:
    """Plan one base now and show it; nothing is made, and without --keep nothing is kept."""
    from bot.cli import plan_words, show
    from bot.huggingface import HubDoor
    from bot.journal.database import journal
    from bot.journal.looking import looking
    from bot.plan import build, decisions
    from bot.plan.rules import Verdict
    from bot.plan.wishes import wishes_for
    from bot.records import Change

    known = settings_.from_environment()
    door = HubDoor(known)
    wishes = wishes_for(
        door,
        known,
        repo,
        watchlist,
        recipes=tuple(recipe or ()),
        account=account,
        staging=staging,
        keep_private=keep_private,
    )
    base = door.base_revision(repo, revision)
    change = Change(repo=base.repo, sha=base.sha, kind="new")
    proposal = build.to_make(door, known, change, wishes, _past(known), why="asked for by hand")
    with journal(known) if keep else looking(known) as opened:
        found = _verdict(known, opened, watchlist, proposal)
        kept = None
        if keep and proposal.targets:
            asked = Verdict(outcome="ask", rule="by hand", why="it was planned by hand")
            kept = decisions.propose(opened, proposal, asked, by_hand=True)
    if json:
        show.as_json(plan_words.one_json(proposal, found, kept))
        return
    plan_words.show_one(show.out(), proposal, found, kept)


@plan.command("show")
def show_(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A plan's id, its base, or one of its repos.")],
    json: Json = False,
) -> None:
    """One plan whole: what it makes and where, what it takes, which rule holds it, what was decided."""
    from bot.cli import plan_words, show
    from bot.journal import plans
    from bot.journal.looking import looking
    from bot.plan.decisions import find

    known = settings_.from_environment()
    with looking(known) as opened:
        kept = plans.get(opened, id_) or find(opened, id_, ("waiting", "approved", "started"))
    if json:
        show.as_json(kept)
        return
    plan_words.show_one(show.out(), kept.proposal, None, kept)


@plan.command("edit")
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A plan's id, its base, or one of its repos.")],
    recipes: Annotated[
        str | None, typer.Option(help="All recipes there shall be, separated by commas.")
    ] = None,
    add: Annotated[list[str] | None, typer.Option(help="A recipe more; may be repeated.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="A recipe less; may be repeated.")] = None,
    account: Annotated[str | None, typer.Option(help="Publish here.")] = None,
    staging: Annotated[str | None, typer.Option(help="private or branch.")] = None,
    early: Annotated[
        bool | None,
        typer.Option("--early/--verified", help="Public before the tasks are measured, or after."),
    ] = None,
    keep_private: Annotated[
        bool | None, typer.Option("--keep-private/--make-public", help="Stop after verification, or go on.")
    ] = None,
    watchlist: Watched = None,
    json: Json = False,
) -> None:
    """Change a plan that waits; its sizes, disk and hours are predicted anew. It still waits for its yes."""
    from bot.cli import plan_words, show
    from bot.huggingface import HubDoor
    from bot.journal.looking import looking
    from bot.plan import decisions
    from bot.plan.edit import Edit, edited_plan
    from bot.watch.watchlist import book_for

    known = settings_.from_environment()
    wanted = Edit(
        recipes=tuple(name.strip() for name in (recipes or "").split(",") if name.strip()),
        add=tuple(add or ()),
        leave_out=tuple(without or ()),
        account=account,
        staging=staging,
        early=early,
        keep_private=keep_private,
    )
    with looking(known) as opened:
        kept = decisions.find(opened, id_)
        book = book_for((), watchlist or known.watchlist)
        fresh = edited_plan(HubDoor(known), known, book, kept.proposal, wanted, _past(known))
        kept = decisions.edited(opened, kept, fresh, person(), wanted.told)
    if json:
        show.as_json(kept)
        return
    plan_words.show_one(show.out(), kept.proposal, None, kept)


# ------------------------------------------------------------------ what commands about plans share


def person() -> str:
    """Who types: the name of this machine's user."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's number without a name
        return "somebody at the terminal"


def _past(known: Settings) -> tuple[PastRun, ...]:
    """Past runs; none where nothing ever ran."""
    from bot.plan.past import past_runs, runs_if_any

    with runs_if_any(known) as client:
        return past_runs(client) if client is not None else ()


def _watchlist(known: Settings, watchlist: Path | None) -> Watchlist | None:
    """The watchlist, or None where there is none and none was named."""
    from bot.watch.watchlist import load_watchlist

    path = watchlist or known.watchlist
    return load_watchlist(path) if watchlist is not None or path.exists() else None


def _verdict(known: Settings, opened: Any, watchlist: Path | None, proposal: Any) -> Verdict:
    """What the watchlist would say of the proposal if a sweep had found it."""
    from bot.plan import decisions, rules
    from bot.watch.watchlist import entry_for

    found = _watchlist(known, watchlist)
    entry = entry_for(found, proposal.repo) if found is not None else None
    return rules.verdict(proposal, entry, decisions.standing(opened, proposal))


def _outlook(known: Settings, opened: Any, found: Watchlist) -> list[tuple[str, Verdict]]:
    """What keeps each approved plan from starting now, as far as this machine can tell; in order."""
    from datetime import UTC, datetime

    from bot.plan import decisions, room
    from bot.plan.budget import local
    from bot.plan.past import runs_if_any
    from bot.watch.watchlist import LocatedWatchlist

    lines = found.lines if isinstance(found, LocatedWatchlist) else {}
    now = local(found.budget, datetime.now(UTC), room.machine_zone())
    with runs_if_any(known) as client:
        there = room.look(known, client, found.budget, now)
    ordered = decisions.outlook(opened, now, found.budget, there, lines=lines)
    return [(proposal.id, verdict) for proposal, verdict in ordered]
