"""Runs that ended: what each quant came to is told on the timeline, and their proposals are over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbos import DBOSClient

from bot import engine
from bot.journal import plans
from bot.journal.plans import Kept
from bot.journal.timeline import EventKind, tell
from bot.patch.patch import Patched
from bot.plan import decisions
from bot.records import FamilyResult, Outcome, Record, from_json
from bot.unattended.desk import Desk


class Ending(Record, frozen=True, kw_only=True):
    """How a run ended: well or not, in one sentence, and what is to be told of each repo."""

    ok: bool
    text: str
    told: tuple[tuple[EventKind, str, str], ...] = ()


def tell_ended(desk: Desk) -> tuple[Ending, ...]:
    """Look at every proposal that was started; of those whose runs are over, tell what came of them.

    Raises HostError when the database is out of reach.
    """
    if desk.client is None:
        return ()
    found = []
    for kept in plans.listed(desk.journal, ("started",)):
        ending = _ending(desk.client, kept)
        if ending is None:
            continue
        for kind, subject, text in ending.told:
            tell(desk.journal, kind, subject, text, {"run": kept.run, "plan": kept.id})
        decisions.over(desk.journal, kept.id, ok=ending.ok, text=ending.text)
        found.append(ending)
    return tuple(found)


def _ending(client: DBOSClient, kept: Kept) -> Ending | None:
    """None while an attempt of the run is under way."""
    attempts = engine.attempts(client, (kept.run or "").split("~")[0])
    if any(attempt.status in engine.UNFINISHED for attempt in attempts):
        return None
    if not attempts:
        return Ending(ok=False, text="its run is not in the database any more")
    last = client.list_workflows(workflow_ids=[attempts[-1].workflow_id], load_input=False)[0]
    if last.status != "SUCCESS":
        return Ending(ok=False, text=_badly(last))
    return of_patch(last.output) if last.name == "patch" else of_family(last.output)


def _badly(run: Any) -> str:
    if run.status == "CANCELLED":
        return f"cancelled: `bot retry '{run.workflow_id}'` goes on"
    return f"{run.error or 'it was recovered too often'}; `bot retry '{run.workflow_id}'` goes on"


def of_family(output: Any) -> Ending:
    """What a family's result says. `output`: a FamilyResult as JSON."""
    result = from_json(FamilyResult, output)
    public = [o for o in result.outcomes if o.status in ("published", "already")]
    text = f"{len(public)} of {len(result.outcomes)} quants are public"
    bad = any(o.status == "failed" for o in result.outcomes)
    return Ending(ok=not bad, text=text, told=tuple(_of_each(result.outcomes)))


def _of_each(outcomes: tuple[Outcome, ...]) -> Iterator[tuple[EventKind, str, str]]:
    kinds: dict[str, EventKind] = {"published": "published", "stopped": "stopped", "failed": "failed"}
    for outcome in outcomes:
        kind = kinds.get(outcome.status)
        if kind == "published":
            yield kind, outcome.repo, f"{outcome.repo} is public"
        elif kind is not None:
            yield kind, outcome.repo, f"{outcome.repo}: {outcome.error or outcome.status}"


def of_patch(output: Any) -> Ending:
    """What a patch's result says. `output`: a Patched as JSON."""
    result = from_json(Patched, output)
    done = [repo for repo in result.repos if repo.status in ("patched", "already")]
    told: list[tuple[EventKind, str, str]] = []
    for repo in result.repos:
        if repo.status == "failed":
            told.append(("failed", repo.repo, f"{repo.repo}: {repo.error}"))
        elif repo.status == "left":
            told.append(("patched", repo.repo, f"{repo.repo} was left as it is: {repo.error}"))
    text = f"{len(done)} of {len(result.repos)} quants are up to date with it"
    return Ending(ok=all(repo.status != "failed" for repo in result.repos), text=text, told=tuple(told))
