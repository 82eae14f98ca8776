"""A rehearsal: a loopback Hub with the small bases on it, and the real flow against it from end to end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot import settings as settings_
from bot.errors import BY_NAME, BotError, UsageError
from bot.events import Event
from bot.hub.process import LoopbackHub
from bot.hub.store import Store
from bot.records import FamilyResult, Outcome, Record
from bot.rehearsal.bases import BASES
from bot.rehearsal.seed import seed
from bot.settings import Settings

if TYPE_CHECKING:
    from dbos import DBOSClient

ACCOUNT = "rehearsal"
WATCHLIST = Path(__file__).with_name("watchlist.yaml")

Say = Callable[[str], None]
Watch = Callable[[Event], None]


class Rehearsed(Record, frozen=True, kw_only=True):
    """What a rehearsal did, for its table and for programs. `seconds` is the whole of it."""

    endpoint: str
    seconds: float
    families: tuple[FamilyResult, ...]

    def failed(self) -> tuple[Outcome, ...]:
        return tuple(o for f in self.families for o in f.outcomes if o.status in ("failed", "stopped"))

    def first_failure(self) -> BotError:
        """The error to end with. Only to be asked when something failed."""
        outcome = self.failed()[0]
        return BY_NAME.get(outcome.error_kind or "", BotError)(f"{outcome.repo}: {outcome.error}")


def rehearse(keep: Path | None, only: tuple[str, ...], on_event: Watch, say: Say) -> Rehearsed:
    """Publish the bases (all, or those named in `only`) on a Hub of this machine.

    `keep` is the folder that the Hub leaves behind; it must be empty or new.
    Raises UsageError for a folder in use or an unknown name, and whatever the flow raises.
    """
    names = _chosen(only)
    started = time.monotonic()
    with _folders(keep) as (root, home), LoopbackHub.start(root) as hub:
        say(f"A Hub of this machine: {hub.endpoint}")
        seed(Store(root))
        known = _enter(hub.endpoint, home)
        families = _publish_all(known, names, on_event, say)
        return Rehearsed(endpoint=hub.endpoint, seconds=time.monotonic() - started, families=tuple(families))


def _chosen(only: tuple[str, ...]) -> list[str]:
    known = {base.name: base.repo for base in BASES}
    for name in only:
        if name not in known:
            raise UsageError(f"there is no rehearsal base {name!r}: they are {', '.join(known)}")
    return [repo for name, repo in known.items() if not only or name in only]


@contextlib.contextmanager
def _folders(keep: Path | None) -> Iterator[tuple[Path, Path]]:
    """The Hub's root and a BOT_HOME of its own; both vanish at a good end, but for a root that is kept.

    After a failure they stay, because the error names logs in them.
    """
    scratch = Path(tempfile.mkdtemp(prefix="qx-bot-rehearsal-"))
    root = scratch / "hub"
    if keep is not None:
        root = keep.expanduser().absolute()
        if root.exists() and any(root.iterdir()):
            raise UsageError(f"{keep} is not empty: name a new folder for --keep")
    root.mkdir(parents=True, exist_ok=True)
    yield root, scratch / "home"
    shutil.rmtree(scratch, ignore_errors=True)


def _enter(endpoint: str, home: Path) -> Settings:
    """From here on this process knows no other Hub, no other account and no other token."""
    for name in ("HUGGING_FACE_HUB_TOKEN", "BOT_DATABASE_URL", "BOT_ACCOUNT", "BOT_TEMPLATES"):
        os.environ.pop(name, None)
    os.environ.update(
        HF_ENDPOINT=endpoint, HF_TOKEN=f"hf_{ACCOUNT}", BOT_HOME=str(home), BOT_WATCHLIST=str(WATCHLIST)
    )
    known = settings_.from_environment()
    settings_.apply(known)
    return known


def _publish_all(known: Settings, repos: list[str], on_event: Watch, say: Say) -> list[FamilyResult]:
    # Imported only now: huggingface_hub reads the endpoint when it is imported.
    from bot import engine, runs

    with runs.Host(known) as host, engine.client(known) as client:
        started = []
        for repo in repos:
            say(f"planning {repo}")
            started.append((repo, _start(known, client, repo)))
        results = []
        for repo, run in started:
            say(f"publishing the quants of {repo}")
            results.append(runs.wait(host, client, known, run, on_event))
        return results


def _start(known: Settings, client: DBOSClient, repo: str) -> str:
    from bot import runs
    from bot.huggingface import HubDoor
    from bot.plan.make import make_plan
    from bot.plan.wishes import wishes_for

    door = HubDoor(known)
    plan = make_plan(door, known, repo, None, wishes_for(door, known, repo, WATCHLIST), why="a rehearsal")
    return runs.start(client, plan)[0]
