"""The steps of a patch: bring the small files and try them, then one step a quant, then tidy up.

A quant that fails is told in the step's answer, so that its siblings go on; each step looks at what is there
and does the rest, so that a run which is killed commits nothing twice.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import msgspec
from dbos import DBOS

from bot import settings
from bot.child import Progress
from bot.errors import BotError, ConfigError, UnsuitableBase
from bot.events import EventLog
from bot.huggingface import HubDoor
from bot.patch import small
from bot.patch.apply import Patching, failed
from bot.patch.patch import Patch, PatchedRepo
from bot.patch.trial import Read, ReadRequest, Tried, judge
from bot.publish import ledger
from bot.publish.card_door import RememberingDoor
from bot.records import Record, from_json, to_json
from bot.settings import Settings
from bot.steps.job import Json, in_child

STAGE = "patch"


class Trials(Record, frozen=True, kw_only=True):
    """What trying the new files found, by repo. A repo that could not be read is not among them."""

    tried: dict[str, Tried] = msgspec.field(default_factory=dict)
    errors: dict[str, PatchedRepo] = msgspec.field(default_factory=dict)


class _Folders(Record, frozen=True, kw_only=True):
    """Of one quant: its small files as they are, and with the new ones among them."""

    now: str
    then: str


@DBOS.step(name="try the tokenizer")
def try_tokenizers(run: str, patch_json: Json) -> Json:
    """Hold each quant, with the new files in it, against the base at its new revision.

    Raises UnsuitableBase where the base's own tokenizer cannot be loaded: then nothing is patched.
    """
    patch = from_json(Patch, patch_json)
    known = _settings(patch)
    hub = HubDoor(known)
    base = _base_files(hub, known, run, patch)
    folders: dict[str, _Folders] = {}
    errors: dict[str, PatchedRepo] = {}
    for number, repo in enumerate(patch.repos):
        _say(known, run, f"fetch {repo}", number, len(patch.repos))
        try:
            folders[repo] = _folders(hub, patch, repo, base, _work(known, run) / f"quant-{number}")
        except BotError as error:
            errors[repo] = failed(repo, error)
    asked = [str(base), *(path for f in folders.values() for path in (f.now, f.then))]
    request = ReadRequest(base=patch.base.repo, folders=tuple(asked))
    sides = in_child("bot.patch.tokens", request, Read, run).sides
    if sides[str(base)].refused:
        raise UnsuitableBase(
            f"{patch.base.repo} at {patch.base.sha[:12]}: {sides[str(base)].refused}: no quant is patched, "
            "ask its author to mend it"
        )
    tried = {repo: judge(sides[str(base)], sides[f.now], sides[f.then]) for repo, f in folders.items()}
    return to_json(Trials(tried=tried, errors=errors))


@DBOS.step(name="patch a quant")
def patch_repo(run: str, patch_json: Json, trials_json: Json, repo: str) -> Json:
    """One commit to one quant: the files, the card, the manifest. What goes wrong is in the answer."""
    patch, trials = from_json(Patch, patch_json), from_json(Trials, trials_json)
    known = _settings(patch)
    _say(known, run, repo, patch.repos.index(repo), len(patch.repos))
    if repo in trials.errors:
        return to_json(trials.errors[repo])
    hub = HubDoor(known)
    try:
        base = _base_files(hub, known, run, patch) if patch.files else Path()
        data = {path: (base / path).read_bytes() for path in patch.files}
    except BotError as error:
        return to_json(failed(repo, error))
    work = Patching(hub, patch, data, own=known.templates, reading=_remembering(known, run))
    done = work.apply(repo, trials.tried[repo] if patch.moves_files else Tried())
    return to_json(done)


@DBOS.step(name="clear up")
def clear_up(run: str) -> None:
    """The small files are on the Hub; here they are no longer needed."""
    known = settings.from_environment()
    shutil.rmtree(_work(known, run), ignore_errors=True)
    _remembering.cache_clear()
    _say(known, run, "done", 1, 1)


def _settings(patch: Patch) -> Settings:
    """This process's settings. Raises ConfigError when it talks to another Hub than the patch is for."""
    known = settings.from_environment()
    if known.endpoint != patch.endpoint:
        raise ConfigError(
            f"this run is for {patch.endpoint}, and this process talks to {known.endpoint}: set HF_ENDPOINT, "
            "then `bot retry`"
        )
    return known


@functools.lru_cache(maxsize=1)
def _remembering(known: Settings, run: str) -> RememberingDoor:
    """One for a whole run: its quants' cards look at each other, and measurements do not change meanwhile."""
    return RememberingDoor(known)


def _work(known: Settings, run: str) -> Path:
    return known.run_folder(run) / "small"


def _base_files(hub: HubDoor, known: Settings, run: str, patch: Patch) -> Path:
    return small.base_files(hub, patch.base, patch.files, _work(known, run) / "base")


def _folders(hub: HubDoor, patch: Patch, repo: str, base: Path, into: Path) -> _Folders:
    there = ledger.look(hub, repo)
    listed = hub.files(repo, there.sha)
    now = small.quant_files(hub, repo, there.sha, listed, base, into / "now")
    then = small.with_files(now, base, patch.files, patch.removed, into / "then")
    return _Folders(now=str(now), then=str(then))


def _say(known: Settings, run: str, what: str, done: int, total: int) -> None:
    log = EventLog(known.run_folder(run), run)
    log(Progress(stage=STAGE, what=what, done=done, total=total, unit="repos"))
