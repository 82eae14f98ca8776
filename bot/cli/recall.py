"""`bot recall`: quants behind which a bad version, recipe or template stands. Heavy imports wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import settings as settings_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.adopt.again import How
    from bot.adopt.recall import Affected, Recall
    from bot.publish.card_decision import CardUpdate
    from bot.records import FamilyResult, Plan

THEN = {
    "remeasure": "it is being measured again, and a new card takes this one's place",
    "rebuild": "it is being made and measured again, and a new card takes this one's place",
}


def recall(
    mlx: Annotated[
        str, typer.Option(help="Made or measured with these versions of mlx, such as '<0.32'.")
    ] = "",
    mlx_lm: Annotated[str, typer.Option("--mlx-lm", help="The same for mlx-lm.")] = "",
    tool: Annotated[
        list[str] | None, typer.Option(help="The same for any tool: 'lm-eval<0.4.9'; may be repeated.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="Made by this recipe.")] = "",
    template: Annotated[str, typer.Option(help="With a card of this template.")] = "",
    before: Annotated[str, typer.Option(help="Made or measured before this date, such as 2026-11-01.")] = "",
    repo: Annotated[list[str] | None, typer.Option(help="Only this repo; may be repeated.")] = None,
    because: Annotated[str, typer.Option(help="Your reason, in a sentence, for the cards.")] = "",
    remeasure: Annotated[bool, typer.Option("--remeasure", help="Then measure them again.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Then make and measure them again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; without it they are only shown.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show; this is what happens anyway.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    account: Annotated[str | None, typer.Option(help="Whose quants; default: as for `bot publish`.")] = None,
    watchlist: Annotated[Path | None, typer.Option(help="Default: watchlist.yaml here.")] = None,
) -> None:
    """Find published quants by what made them; with --yes put a banner on their cards, and make them again.

    All that is given must hold for a quant. A card's banner goes when the quant is made or measured again.
    """
    from bot.adopt.again import refuse_recalled_tools
    from bot.adopt.recall import affected
    from bot.cli import show

    asked = _asked(mlx, mlx_lm, tool or [], recipe, template, before, repo or [], because)
    how = _how(remeasure=remeasure, rebuild=rebuild)
    if how is not None:
        refuse_recalled_tools(asked)
    known = settings_.from_environment()
    door, there = _published(known, account, watchlist)
    found = affected(there, asked)
    if not yes or dry_run:
        _shown(found, len(there), json=json)
        return
    done = _marked(known, door, found, how, quiet=json)
    results = _again(known, door, found, how, watchlist, quiet=json) if how is not None else []
    if json:
        show.as_json(_as_json(found, done, results))
    else:
        _report(done, results, door.endpoint)
    _end(done, results)


def _asked(
    mlx: str, mlx_lm: str, tool: list[str], recipe: str, template: str, before: str, repo: list[str],
    because: str,
) -> Recall:  # fmt: skip
    """Raises UsageError for what is no recall, ConfigError for what is no range."""
    from datetime import date

    from bot.adopt.advisories import specifiers
    from bot.adopt.recall import Recall, tools_of
    from bot.errors import UsageError

    named = {"mlx": mlx, "mlx-lm": mlx_lm}
    tools = {name: str(specifiers(text)) for name, text in named.items() if text} | tools_of(tool)
    try:
        day = date.fromisoformat(before).isoformat() if before else ""
    except ValueError:
        raise UsageError(f"--before {before[:40]!r} is no date: write 2026-11-01") from None
    for name in repo:
        if name.count("/") != 1 or not all(name.split("/")):
            raise UsageError(f"{name[:100]!r} is no repo: write owner/name")
    asked = Recall(
        tools=tools, recipe=recipe, template=template, before=day, repos=tuple(repo), because=because
    )
    if not asked.anything:
        raise UsageError("say what is recalled: --mlx '<0.32', --recipe, --template, --before or --repo")
    return asked


def _how(*, remeasure: bool, rebuild: bool) -> How | None:
    from bot.errors import UsageError

    if remeasure and rebuild:
        raise UsageError("--rebuild measures again as well: say one of --remeasure and --rebuild")
    return "remeasure" if remeasure else "rebuild" if rebuild else None


def _published(known: settings_.Settings, account: str | None, watchlist: Path | None) -> tuple[Any, Any]:
    """A door, and the account's public quants of the bot's. Raises NotAllowed, ConfigError."""
    from bot.cli import show
    from bot.publish import update_cards
    from bot.publish.account import writable
    from bot.publish.card_door import RememberingDoor
    from bot.watch.watchlist import load_watchlist

    door = RememberingDoor(known)
    path = watchlist or known.watchlist
    named = load_watchlist(path).account if watchlist is not None or path.exists() else None
    owner = writable(door, account, known.account, named)
    with show.err().status(f"reading the manifests of {owner}"):
        return door, update_cards.published(door, owner)


def _shown(found: Sequence[Affected], of: int, *, json: bool) -> None:
    from bot.cli import show

    if json:
        show.as_json(_as_json(found, [], []) | {"dry_run": True})
        return
    console = show.out()
    for each in found:
        console.print(f"{each.there.repo}: {each.why}", markup=False, soft_wrap=True)
    console.print(f"{len(found)} of {of} published quants are affected; nothing was done: --yes does it.")


def _marked(
    known: settings_.Settings, door: Any, found: Sequence[Affected], how: How | None, *, quiet: bool
) -> list[CardUpdate]:
    from bot.adopt.banner import banners
    from bot.card.figures.draw import figures
    from bot.cli import show
    from bot.journal.database import journal

    own = known.templates.absolute() if known.templates else None
    done: list[CardUpdate] = []
    with journal(known) as opened:
        for each in banners(door, opened, found, figures, then=THEN.get(how or "", ""), own=own):
            done.append(each)
            if not quiet and each.commit:
                show.err().print(f"{each.repo}: banner, {each.commit[:12]}", markup=False, soft_wrap=True)
    return done


def _again(
    known: settings_.Settings, door: Any, found: Sequence[Affected], how: How, watchlist: Path | None, *,
    quiet: bool,
) -> list[FamilyResult]:  # fmt: skip
    """Make them again, a base after the other, and wait for each."""
    from bot import engine, runs
    from bot.adopt.again import plans
    from bot.cli.progress import progress
    from bot.huggingface import HubDoor
    from bot.plan.make import check_disk

    todo: list[Plan] = plans(HubDoor(known), known, found, how, watchlist)
    results = []
    with runs.Host(known) as host, engine.client(known) as client, progress(quiet=quiet) as watcher:
        for plan in todo:
            check_disk(known, plan)
            run, joined = runs.start(client, plan)
            watcher.say(f"{run} {'is under way already, following it' if joined else 'started'}")
            results.append(runs.wait(host, client, known, run, watcher))
    return results


def _as_json(
    found: Sequence[Affected], done: Sequence[CardUpdate], results: Sequence[FamilyResult]
) -> dict[str, Any]:
    from bot.records import to_json

    cards = {each.repo: each for each in done}
    return {
        "affected": [
            {
                "repo": each.there.repo,
                "why": each.why,
                "card": card.status if (card := cards.get(each.there.repo)) else None,
                "commit": card.commit if card else "",
                "note": (card.error or card.note) if card else "",
            }
            for each in found
        ],
        "results": [to_json(each) for each in results],
        "dry_run": False,
    }


def _report(done: Sequence[CardUpdate], results: Sequence[FamilyResult], endpoint: str) -> None:
    from bot.cli import show

    console = show.out()
    written = sum(1 for each in done if each.commit)
    same = sum(
        1 for each in done if each.status in ("unchanged", "edited") and not each.writes and not each.commit
    )
    console.print(f"{written} cards have a banner now, {same} had it before.")
    for each in done:
        if each.error or each.status == "conflict":
            console.print(f"{each.repo}: {each.error or each.note}", markup=False, soft_wrap=True)
    if results:
        console.print(show.outcome_table(list(results), endpoint, links=console.is_terminal))


def _end(done: Sequence[CardUpdate], results: Sequence[FamilyResult]) -> None:
    """Raises the class of the first failure; NeedsPerson where a card was not marked without a person."""
    from bot.errors import BY_NAME, BotError, NeedsPerson

    failed = [each for each in done if each.status == "failed"]
    if failed:
        kind = BY_NAME.get(failed[0].error_kind, BotError)
        raise kind(f"{len(failed)} of {len(done)} banners failed: {failed[0].repo}: {failed[0].error}")
    conflicts = [each for each in done if each.status == "conflict"]
    if conflicts:
        raise NeedsPerson(f"{conflicts[0].repo} has no banner: {conflicts[0].note}")
    broken = [o for result in results for o in result.outcomes if o.status == "failed"]
    if broken:
        kind = BY_NAME.get(broken[0].error_kind or "", BotError)
        raise kind(f"{len(broken)} were not made again: {broken[0].repo}: {broken[0].error}")
