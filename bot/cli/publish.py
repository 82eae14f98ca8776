"""`bot publish owner/name`: the whole job for one base, by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from bot.huggingface import HubDoor
    from bot.records import FamilyResult, Outcome, Plan


def publish(
    repo: Annotated[str, typer.Argument(help="The base model, owner/name.")],
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag; default: the newest.")] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="A recipe such as qx86-hi, one of yours, or its file; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the plan.")] = False,
    keep_private: Annotated[
        bool, typer.Option("--keep-private", help="Stop after verification; `bot release` goes on.")
    ] = False,
    account: Annotated[str | None, typer.Option(help="Publish here; default: the token's account.")] = None,
    staging: Annotated[str | None, typer.Option(help="private or branch (see README).")] = None,
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Leave out what the base sees with.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option(help="Say yes to `gated` or `no-license`; may be repeated.")
    ] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Take defaults from this watchlist.")] = None,
) -> None:
    """Quantize, measure, card and publish one base model."""
    from bot import runs
    from bot.cli import show
    from bot.huggingface import HubDoor
    from bot.plan.make import check_disk, make_plan
    from bot.plan.wishes import wishes_for

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
        text_only=text_only,
        accepted=tuple(accept or ()),
        keep_private=keep_private,
    )
    plan = make_plan(door, known, repo, revision, wishes, why="asked for by hand")
    if not json:
        show.out().print(show.plan_table(plan))
    if dry_run:
        _said(plan, json)
        return
    _stop_or_ask(plan, yes=yes or runs.unfinished(known, plan), json=json)
    check_disk(known, plan)
    result = _carried_out(known, plan, quiet=json)
    _report(result, plan, door, json=json)


def _said(plan: Plan, json: bool) -> None:
    from bot.cli import show
    from bot.records import to_json

    if json:
        show.as_json({"plan": to_json(plan), "dry_run": True})
    else:
        show.out().print("Nothing was done: this was a dry run.")


def _stop_or_ask(plan: Plan, *, yes: bool, json: bool) -> None:
    """Raise NeedsPerson unless the plan may go ahead."""
    from bot.errors import NeedsPerson, UsageError

    foreign = [q for q in plan.quants if q.action == "foreign"]
    if foreign:
        raise NeedsPerson(
            f"{foreign[0].repo} stands on the Hub and was not made by this bot, so nothing was touched; "
            f"it would have made {foreign[0].recipe} there: rename that repo, or leave the recipe out"
        )
    if yes or not plan.to_make():
        return
    if json or not sys.stdin.isatty():
        raise NeedsPerson("this plan needs a yes: look at it with --dry-run, then say --yes")
    if not typer.confirm("Go ahead?"):
        raise UsageError("nothing was done")


def _carried_out(known: settings_.Settings, plan: Plan, *, quiet: bool) -> FamilyResult:
    """The plan's family result; when nothing is to be made, one that says so."""
    from msgspec.structs import replace

    from bot import engine, runs
    from bot.cli.progress import progress
    from bot.records import FamilyResult

    if not plan.to_make() and not runs.unfinished(known, plan):
        return FamilyResult(
            base=plan.base.repo, base_sha=plan.base.sha, base_measurement=None, outcomes=_already(plan)
        )
    with runs.Host(known) as host, engine.client(known) as client, progress(quiet=quiet) as watcher:
        run, joined = runs.start(client, plan)
        words = "is under way already, following it" if joined else "started"
        watcher.say(f"{run} {words}" + ("" if host.executing else " (executed by the running bot)"))
        result = runs.wait(host, client, known, run, watcher)
    there = {outcome.repo for outcome in result.outcomes}
    already = tuple(outcome for outcome in _already(plan) if outcome.repo not in there)
    return replace(result, outcomes=(*already, *result.outcomes))


def _already(plan: Plan) -> tuple[Outcome, ...]:
    from bot.records import Outcome

    statuses: dict[str, Literal["already", "private", "stopped"]] = {
        "published": "already", "waiting": "private", "stopped": "stopped",
    }  # fmt: skip
    return tuple(
        Outcome(
            repo=q.repo,
            recipe=q.recipe,
            status=statuses[q.action],
            error=q.why if q.action == "stopped" else None,
        )
        for q in plan.quants
        if q.action in statuses
    )


def _report(result: FamilyResult, plan: Plan, door: HubDoor, *, json: bool) -> None:
    """Print the outcome, and end with the class of the first failure when there was one; else with
    VerificationFailed when the gate stopped something."""
    from bot.cli import show
    from bot.errors import BY_NAME, BotError, VerificationFailed
    from bot.records import to_json

    if json:
        show.as_json({"plan": to_json(plan), "result": to_json(result)})
    else:
        if all(outcome.status == "already" for outcome in result.outcomes):
            show.out().print("Everything asked for is published already; nothing was done.")
        elif all(quant.action == "waiting" for quant in plan.quants):
            show.out().print("It is there, private, and waits for `bot release`; nothing was done.")
        console = show.out()
        console.print(show.outcome_table([result], door.endpoint, links=console.is_terminal))
    failed = [o for o in result.outcomes if o.status == "failed"]
    if failed:
        kind = BY_NAME.get(failed[0].error_kind or "", BotError)
        raise kind(f"{len(failed)} of {len(result.outcomes)} not published: {failed[0].error}")
    stopped = [o for o in result.outcomes if o.status == "stopped"]
    if stopped:
        raise VerificationFailed(
            f"{len(stopped)} of {len(result.outcomes)} stopped by the gate and kept from the public: "
            f"{stopped[0].repo}: {stopped[0].error}"
        )
