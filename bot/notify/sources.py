"""What the digest is made of, read from where it is kept: runs, plans, the Hub's counts. The edge."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from bot import engine
from bot.errors import BotError, NotFound
from bot.fleet.commands import told
from bot.hub_errors import translate_errors
from bot.huggingface import HubDoor
from bot.journal import plans
from bot.journal.database import Journal
from bot.notify.digest import Made, Waits
from bot.records import FamilyResult, Outcome, from_json
from bot.settings import Settings

MOST_RUNS = 500


def made_since(settings: Settings, since: float) -> list[Made]:
    """What became of each quant in the family runs that ended after `since` (Unix seconds), oldest first.

    Nothing where nothing ever ran. Raises HostError when the database is out of reach.
    """
    after = datetime.fromtimestamp(since, UTC).isoformat()
    found: list[Made] = []
    with contextlib.suppress(NotFound), told(), engine.client(settings) as client:
        ended = client.list_workflows(name="family", completed_after=after, limit=MOST_RUNS, load_input=False)
        for run in ended:
            if run.status == "SUCCESS" and run.output is not None:
                outcomes = from_json(FamilyResult, run.output).outcomes
                found += [made for one in outcomes if (made := _made(one)) is not None]
            elif run.status in engine.ENDED_BADLY and run.status != "CANCELLED":
                found.append(_broken(run))
    return found


def _made(outcome: Outcome) -> Made | None:
    if outcome.status == "already" or outcome.status == "foreign":
        return None
    reasons = outcome.published.gate.reasons if outcome.published and outcome.published.gate else ()
    why = "; ".join(reasons) if outcome.status == "stopped" and reasons else outcome.error or ""
    return Made(
        repo=outcome.repo,
        status=outcome.status,
        why=why or ("it was to stay private" if outcome.status == "private" else ""),
    )


def _broken(run: object) -> Made:
    """A family that ended before its quants: named by its base."""
    name = str(getattr(run, "workflow_id", ""))
    base = name.removeprefix("family:").split("@")[0]
    return Made(
        repo=base, status="failed", why=str(getattr(run, "error", None) or "recovered too often"), run=name
    )


def waiting_plans(journal: Journal) -> list[Waits]:
    """The plans that wait for a person, oldest first. Raises HostError."""
    newest_first = (kept.proposal for kept in plans.listed(journal, ("waiting",)))
    waits = [Waits(plan=one.id, repo=one.repo, why=one.rule or one.why) for one in newest_first]
    return waits[::-1]


def download_counts(settings: Settings, account: str | None) -> dict[str, int] | None:
    """How often each repo of the account was ever downloaded, by the Hub's listing (a request a thousand).

    None where the Hub does not say: a digest does not wait for it.
    """
    try:
        door = HubDoor(settings)
        name = account or door.whoami().name
        with translate_errors(f"the listing of {name}"):
            listed = door.api.list_models(author=name, expand=["downloadsAllTime"])
            return {model.id: int(model.downloads_all_time or 0) for model in listed}
    except BotError:
        return None
