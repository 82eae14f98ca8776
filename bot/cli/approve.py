"""`bot approve`: a person's yes, to a plan that waits, or to a quant that the gate had stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from bot.journal.plans import Kept
    from bot.records import Gate
    from bot.settings import Settings


def approve(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID|BASE|QUANT",
            help="A plan's id, the base it is about, or a repo that the gate stopped.",
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it is about.")] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="It is a quant that the gate stopped, whatever plans there are.")
    ] = False,
) -> None:
    """Let a plan that waits start; or make a repo that the gate stopped public nonetheless."""
    known = settings_.from_environment()
    waiting = [] if gate else _waiting(known, name)
    if waiting:
        _approve_plan(known, name, waiting, json=json, dry_run=dry_run)
    elif "/" in name:
        _approve_quant(known, name, json=json, dry_run=dry_run)
    else:
        _nothing(known, name)


# ------------------------------------------------------------------ plans


def _waiting(known: Settings, name: str) -> list[Kept]:
    """The open plans that `name` may mean."""
    from bot.journal.looking import looking
    from bot.plan.decisions import meant

    with looking(known) as opened:
        return meant(opened, name)


def _approve_plan(known: Settings, name: str, waiting: list[Kept], *, json: bool, dry_run: bool) -> None:
    from bot.cli import plan_words, show
    from bot.cli.plan import person
    from bot.errors import UsageError
    from bot.journal.looking import looking
    from bot.plan import decisions
    from bot.records import to_json

    target = any(name.lower() == repo.lower() for kept in waiting for repo in kept.proposal.targets)
    if target and _is_stopped(known, name):
        raise UsageError(
            f"{name} was stopped by the gate, and the plan {waiting[0].id} is about it too: say "
            f"`bot approve {waiting[0].id}` for the plan, or `bot approve {name} --gate`"
        )
    with looking(known) as opened:
        kept = decisions.find(opened, name)
        if not json:
            plan_words.show_one(show.out(), kept.proposal, None, kept)
        if not dry_run:
            kept = decisions.approve(opened, kept.id, person())
    if json:
        show.as_json({"plan": to_json(kept), "dry_run": dry_run})
        return
    words = "Nothing was done: this was a dry run." if dry_run else f"{kept.id} is approved{_then(kept)}."
    show.out().print(words, soft_wrap=True)


def _is_stopped(known: Settings, repo: str) -> bool:
    """Whether the gate stopped the repo, so that the name has two meanings."""
    from bot.errors import NeedsPerson, NotFound, UsageError
    from bot.huggingface import HubDoor
    from bot.publish import released

    try:
        released.stopped(HubDoor(known), repo)
    except (NotFound, NeedsPerson, UsageError):
        return False
    return True


def _then(kept: Kept) -> str:
    return ": `bot run` starts it when there is room" if kept.state == "approved" else ", and over with that"


def _nothing(known: Settings, name: str) -> None:
    """Raise the sentence that says why `name` means nothing that waits."""
    from bot.journal.looking import looking
    from bot.plan.decisions import find

    with looking(known) as opened:
        find(opened, name)


# ------------------------------------------------------------------ the gate


def _approve_quant(known: Settings, repo: str, *, json: bool, dry_run: bool) -> None:
    from bot.cli import show
    from bot.cli.plan import person
    from bot.huggingface import HubDoor
    from bot.journal.database import journal
    from bot.journal.timeline import tell
    from bot.publish import released
    from bot.records import to_json

    door = HubDoor(known)
    gate = released.stopped(door, repo).manifest.gate
    assert gate is not None, "what the gate stopped says so"
    if not json:
        _show(repo, gate)
    if dry_run:
        if json:
            show.as_json({"repo": repo, "gate": to_json(gate), "dry_run": True})
        else:
            show.out().print("Nothing was done: this was a dry run.")
        return
    result = released.approve(door, known, repo)
    with journal(known) as opened:
        tell(opened, "published", repo, f"{repo} is public: {person()} approved it past the gate")
    if json:
        show.as_json(result)
    else:
        show.out().print(f"{result.url} is public: approved, {result.verified} files verified")


def _show(repo: str, gate: Gate) -> None:
    from bot.cli import show

    console = show.out()
    console.print(f"The gate stopped {repo}:", soft_wrap=True)
    for reason in gate.reasons:
        console.print(f"  {reason}", soft_wrap=True, markup=False)
    for sentence in gate.not_judged:
        console.print(f"  not judged: {sentence}", soft_wrap=True, markup=False)
