"""The work folders of this machine: what lies there, who needs it, and removing what may go.

Below the folder `work` of the state, `<owner>--<name>@<sha12>` holds `base`, `quants/<name>` and
`copies/<name>`, as `bot.steps` makes them.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from dbos import DBOSClient

from bot import engine
from bot.journal import plans
from bot.journal.database import Journal
from bot.plan.room import used
from bot.records import Plan, Record
from bot.settings import Settings
from bot.space.rules import Holding, Kind, to_free

_WORK = re.compile(r"(?P<owner>[^@]+?)--(?P<name>[^@]+)@(?P<sha>[0-9A-Za-z]+)")
_FAMILY = re.compile(r"family:(?P<repo>[^@]+)@(?P<sha>[^+]+)\+.*")
_PUBLISH = re.compile(r"publish:(?P<repo>[^@]+)@(?P<sha>[^+]+)\+.*")
_GOING = ".going-"
_SHORT = 12

Revision = tuple[str, str]
"""A repo (or a quant's name) and the first characters of the base's sha."""


class Needs(Record, frozen=True, kw_only=True):
    """Who needs what, by base and short sha: runs that are not over, plans that wait, runs that may be
    retried. `published`: when (Unix seconds) a quant of that name and short sha was published last."""

    at_work: frozenset[Revision] = frozenset()
    wanted: frozenset[Revision] = frozenset()
    retry: frozenset[Revision] = frozenset()
    published: Mapping[Revision, float] = msgspec.field(default_factory=dict)


def make_room(
    settings: Settings, journal: Journal, client: DBOSClient | None, need: int | None = None
) -> tuple[Holding, ...]:
    """Free `need` bytes (None: all that nobody needs) and say what went. Raises HostError.

    Called by who starts the runs of this machine, between them.
    """
    found = holdings(settings, needs(journal, client))
    gone = to_free(found, need)
    remove(settings, gone)
    return gone


def needs(journal: Journal, client: DBOSClient | None) -> Needs:
    """What runs and plans say. Raises HostError."""
    open_ = plans.listed(journal, ("waiting", "approved", "started"))
    wanted = frozenset((k.proposal.repo, k.proposal.sha[:_SHORT]) for k in open_)
    if client is None:
        return Needs(wanted=wanted)
    well = _families(client, ["SUCCESS"])
    return Needs(
        at_work=_families(client, list(engine.UNFINISHED)),
        wanted=wanted,
        retry=_families(client, list(engine.ENDED_BADLY)) - well,
        published=_published(client),
    )


def _families(client: DBOSClient, statuses: list[str]) -> frozenset[Revision]:
    """The base revisions of the family runs in one of these states, read from their ids."""
    found = client.list_workflows(name="family", status=statuses, load_input=False, load_output=False)
    ids = (_FAMILY.fullmatch(run.workflow_id) for run in found)
    return frozenset((named["repo"], named["sha"]) for named in ids if named)


def _published(client: DBOSClient) -> dict[Revision, float]:
    """`publish:me/Name-q8-mlx@<sha12>+…` published the folder Name-q8-mlx of that revision."""
    found = client.list_workflows(name="publish", status="SUCCESS", load_input=False, load_output=False)
    last: dict[Revision, float] = {}
    for run in found:
        if named := _PUBLISH.fullmatch(run.workflow_id):
            key = (named["repo"].split("/", 1)[-1], named["sha"])
            last[key] = max(last.get(key, 0.0), (run.completed_at or 0) / 1000)
    return last


# ------------------------------------------------------------------ folders


def holdings(settings: Settings, known: Needs) -> tuple[Holding, ...]:
    """What lies in the work folders, with what is known of who needs it."""
    root = settings.state / "work"
    return tuple(
        holding
        for folder in (sorted(root.iterdir()) if root.is_dir() else ())
        if (named := _WORK.fullmatch(folder.name)) and folder.is_dir() and not folder.is_symlink()
        for holding in _of(folder, f"{named['owner']}/{named['name']}", named["sha"], known)
    )


def _of(folder: Path, base: str, sha: str, known: Needs) -> Iterator[Holding]:
    key = (base, sha)
    for kind, path in _parts(folder):
        used_at = _used_at(path)
        yield Holding(
            path=str(path),
            kind=kind,
            base=base,
            sha=sha,
            size_bytes=used(path),
            used_at=used_at,
            at_work=key in known.at_work,
            # What was made anew since it was published is not what the Hub holds.
            on_hub=used_at <= known.published.get((path.name, sha), 0.0),
            wanted=key in known.wanted,
            retry=key in known.retry,
        )


def _parts(folder: Path) -> Iterator[tuple[Kind, Path]]:
    groups: tuple[tuple[Kind, str], ...] = (("quant", "quants"), ("copy", "copies"))
    for kind, name in groups:
        if (folder / name).is_dir():
            yield from ((kind, path) for path in sorted((folder / name).iterdir()) if path.is_dir())
    if (folder / "base").is_dir():
        yield "base", folder / "base"


def _used_at(path: Path) -> float:
    """When anything in the folder was written last."""
    return max((p.lstat().st_mtime for p in (path, *path.rglob("*"))), default=0.0)


def remove(settings: Settings, gone: Iterable[Holding]) -> None:
    """Remove these folders and what becomes empty above them. Only below the work folder of this Hub.

    Each is renamed first, so that nobody finds a half of it.
    """
    root = (settings.state / "work").resolve()
    for holding in gone:
        path = Path(holding.path)
        if root not in path.resolve().parents:
            continue
        away = root / f"{_GOING}{uuid.uuid4().hex}"
        path.rename(away)
        shutil.rmtree(away, ignore_errors=True)
        for parent in (path.parent, path.parent.parent):
            if parent.resolve() != root and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
    for left in root.glob(f"{_GOING}*"):  # a removal that was interrupted
        shutil.rmtree(left, ignore_errors=True)


def after_run(settings: Settings, journal: Journal, plan: Plan) -> None:
    """What goes when every quant of the plan is on the Hub: its folders, but not a base that more plans wait
    for. Raises HostError."""
    key = (plan.base.repo, plan.base.sha[:_SHORT])
    open_ = plans.listed(journal, ("waiting", "approved"), repo=plan.base.repo)
    wanted = any((k.proposal.repo, k.proposal.sha[:_SHORT]) == key for k in open_)
    folder = settings.state / "work" / f"{plan.base.repo.replace('/', '--')}@{plan.base.sha[:_SHORT]}"
    if not wanted:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in ("quants", "copies"):
        shutil.rmtree(folder / name, ignore_errors=True)
