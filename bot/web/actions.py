"""What the buttons do. Each gives the word for what was done; what cannot be done raises a BotError."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dbos import DBOSClient

from bot import engine, runs
from bot.errors import NotFound, UsageError
from bot.journal import plans
from bot.plan import decisions
from bot.web.plan_views import plan_view
from bot.web.reading import Reader
from bot.web.views import digest

BY = "the page"
"""Who decided, as the journal keeps it."""

DONE = {
    "approved": "Approved: it starts when there is room.",
    "refused": "Refused: it is not proposed again for this revision.",
    "retried": "It goes on from the step that failed, as a new attempt.",
    "cancelled": "Cancelled: what is public stays, what is private stays private.",
    "paused": "Paused: what runs goes on, nothing new is started.",
    "resumed": "Going on.",
}
"""What the page says afterwards."""


def approve(reader: Reader, form: Mapping[str, str]) -> str:
    """Say yes to a plan as the person saw it (`seen`): edited meanwhile, it is shown again first."""
    kept, seen = plans.get(reader.journal, form.get("id", "")), form.get("seen")
    if kept is not None and seen is not None and seen != digest(plan_view(kept.proposal)):
        raise UsageError("this plan changed since the page showed it: look at it again, then decide")
    decisions.approve(reader.journal, form.get("id", ""), BY)
    return "approved"


def refuse(reader: Reader, form: Mapping[str, str]) -> str:
    decisions.refuse(reader.journal, form.get("id", ""), BY, form.get("why", "").strip())
    return "refused"


def retry(reader: Reader, form: Mapping[str, str]) -> str:
    engine.fork(_client(reader), form.get("id", ""))
    return "retried"


def cancel(reader: Reader, form: Mapping[str, str]) -> str:
    runs.cancel(_client(reader), form.get("id", ""))
    return "cancelled"


def pause(reader: Reader, form: Mapping[str, str]) -> str:
    engine.set_paused(_client(reader), True)
    return "paused"


def resume(reader: Reader, form: Mapping[str, str]) -> str:
    engine.set_paused(_client(reader), False)
    return "resumed"


ACTIONS: dict[str, Callable[[Reader, Mapping[str, str]], str]] = {
    "approve": approve,
    "refuse": refuse,
    "retry": retry,
    "cancel": cancel,
    "pause": pause,
    "resume": resume,
}
"""By the last part of a form's address."""


def act(reader: Reader, name: str, form: Mapping[str, str]) -> str:
    """Do it. Raises UsageError for a button that there is not, and whatever its action raises."""
    if name not in ACTIONS:
        raise UsageError("there is no such button: reload the page")
    return ACTIONS[name](reader, form)


def _client(reader: Reader) -> DBOSClient:
    client = reader.client()
    if client is None:
        raise NotFound("nothing has run here yet")
    return client
