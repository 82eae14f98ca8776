"""`bot doctor`: one small check for each thing that must be right, and the way out where it is not.

Every check has one signature, `Check`; `CHECKS` is their order: first this
machine, then the Hub, then what the publisher wrote. Nothing is changed, and no
secret is shown.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from bot import blas, settings
from bot.errors import BY_NAME, BotError, ConfigError, HostError, HubUnavailable, NotAllowed
from bot.records import Record
from bot.settings import Settings
from bot.watch.watchlist import Watchlist, load_watchlist

if TYPE_CHECKING:
    from bot.huggingface import HubDoor, Identity

PYTHONS = ((3, 11), (3, 14))
"""From this version on, and below this one (pyproject.toml's requires-python)."""
DISK_NEEDED = 5e9
DISK_WANTED = 100e9
"""Bytes: an 8B base with four quants takes some 50 GB while it is made."""
MLX_PROBE = """
from bot import blas
blas.load_openblas()
import mlx.core as mx
mx.eval(mx.ones((64, 64)) @ mx.ones((64, 64)))
from bot.measure import device
print(device.description())
"""
"""Run in a child: a GPU that aborts must not take the doctor with it."""
MLX_SECONDS = 120
MAY_CREATE = "SELECT has_database_privilege(current_user, current_database(), 'CREATE')"
"""DBOS makes a schema of its own and migrates it at the first start."""


class Finding(Record, frozen=True, kw_only=True):
    """What one check found. `kind` names the error class of a failure, and so the exit code."""

    check: str
    status: Literal["ok", "warn", "fail"]
    what: str
    way_out: str = ""
    kind: str = "BotError"

    @property
    def exit_code(self) -> int:
        """0 unless it failed."""
        return BY_NAME[self.kind].exit_code if self.status == "fail" else 0


class Place:
    """What the checks look at: the settings, and what several of them ask for, asked once."""

    def __init__(self, known: Settings) -> None:
        self.settings = known

    @cached_property
    def door(self) -> HubDoor:
        from bot.huggingface import HubDoor  # heavy, and `bot --help` imports this module

        return HubDoor(self.settings)

    @cached_property
    def identity(self) -> Identity:
        return self.door.whoami()

    @cached_property
    def watchlist(self) -> Watchlist:
        return load_watchlist(self.settings.watchlist)


Check = Callable[[Place], Finding]


def examine(known: Settings) -> Iterator[Finding]:
    """Every check's finding, in order, as it is made. Raises nothing."""
    place = Place(known)
    for check in CHECKS:
        yield _found(check, place)


def _found(check: Check, place: Place) -> Finding:
    name = check.__name__.strip("_")
    try:
        found = check(place)
    except BotError as error:
        what, _, way_out = str(error).partition(": ")
        found = Finding(check=name, status="fail", what=what, way_out=way_out, kind=type(error).__name__)
    except Exception as error:  # noqa: BLE001  the other checks still have something to say
        found = Finding(
            check=name,
            status="fail",
            what=f"this check itself broke ({type(error).__name__})",
            way_out="report it with the output of `bot doctor --json`",
        )
    return msgspec.structs.replace(found, check=name)


def ok(what: str) -> Finding:
    return Finding(check="", status="ok", what=what)


def warn(what: str, way_out: str) -> Finding:
    return Finding(check="", status="warn", what=what, way_out=way_out)


def fail(kind: type[BotError], what: str, way_out: str) -> Finding:
    return Finding(check="", status="fail", what=what, way_out=way_out, kind=kind.__name__)


# ------------------------------------------------------------------ this machine


def python(place: Place) -> Finding:
    version = sys.version.split()[0]
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return ok(version)
    return fail(HostError, f"Python {version} is not supported", "install Python 3.11, 3.12 or 3.13")


def mlx(place: Place) -> Finding:
    command = [sys.executable, "-c", MLX_PROBE]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=MLX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return fail(
            HostError, f"MLX did not answer in {MLX_SECONDS} s", "restart the machine, then try again"
        )
    if probe.returncode == 0:
        return ok(probe.stdout.strip())
    said = (probe.stderr.strip().splitlines() or [f"exit {probe.returncode}"])[-1]
    return fail(
        HostError,
        f"MLX does not compute here ({said[:200]})",
        "reinstall it: uv sync --reinstall-package mlx",
    )


def openblas(place: Place) -> Finding:
    if not sys.platform.startswith("linux"):
        return ok("not needed here")
    if blas.load_openblas():
        return ok(blas.LIBRARY)
    return warn(
        "OpenBLAS is missing: measuring is about a hundred times slower",
        "sudo apt-get install libopenblas0-pthread",
    )


def git(place: Place) -> Finding:
    found = shutil.which("git")
    if found:
        return ok(found)
    return warn("git is missing: cards cannot say which commit of a template made them", "install git")


def home(place: Place) -> Finding:
    folder = place.settings.home
    there = next(path for path in (folder, *folder.parents) if path.exists())
    problem = _not_writable(there)
    if problem:
        return fail(
            HostError, f"{folder} cannot be written ({problem})", "mend its permissions or set BOT_HOME"
        )
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.0f} GB free under {folder}"
    way_out = "free some space, or set BOT_HOME to a folder on another disk"
    if free < DISK_NEEDED:
        return fail(HostError, said, way_out)
    return ok(said) if free >= DISK_WANTED else warn(f"{said}: room for small bases only", way_out)


def _not_writable(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror


def database(place: Place) -> Finding:
    if place.settings.database.startswith("sqlite:"):
        return _sqlite(Path(place.settings.database.removeprefix("sqlite:///")))
    return _server(place.settings.database)


def _sqlite(path: Path) -> Finding:
    if not path.exists():
        return ok(f"{path} will be made by the first run")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        way_out = "mend its permissions, or move it away: the next run makes a new one"
        return fail(HostError, f"{path} cannot be written ({error})", way_out)
    return ok(str(path))


def _server(url: str) -> Finding:
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    way_out = "write postgresql://user@host/database, or unset it for SQLite"
    try:
        address = sqlalchemy.make_url(url)
    except ArgumentError:
        return fail(ConfigError, "BOT_DATABASE_URL is no database's URL", way_out)
    # Never the URL itself: it may hold a password, also behind its question mark.
    name = f"{address.get_backend_name()} at {address.host or 'this machine'}, database {address.database}"
    if address.get_backend_name() != "postgresql":
        return fail(ConfigError, f"{name}: only Postgres and SQLite can be used", way_out)
    try:
        engine = sqlalchemy.create_engine(
            address.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5}
        )
        with engine.connect() as connection:
            allowed = connection.execute(sqlalchemy.text(MAY_CREATE)).scalar()
    except (SQLAlchemyError, ImportError) as error:
        way_out = "check that it runs, and BOT_DATABASE_URL"
        return fail(HostError, f"{name} does not answer ({type(error).__name__})", way_out)
    if not allowed:
        return fail(HostError, f"{name}: this user may not create tables", "grant it CREATE on the database")
    return ok(name)


# ------------------------------------------------------------------ the Hub


def hub(place: Place) -> Finding:
    import httpx2

    endpoint = place.settings.endpoint
    try:
        answer = httpx2.get(f"{endpoint}/api/models", params={"limit": 1}, timeout=10, follow_redirects=True)
    except httpx2.HTTPError as error:
        what = f"{endpoint} does not answer ({type(error).__name__})"
        return fail(HubUnavailable, what, "check the network, and HF_ENDPOINT if you set it")
    if answer.status_code >= 400:
        what = f"{endpoint} answers {answer.status_code}"
        return fail(HubUnavailable, what, "wait a while; if you set HF_ENDPOINT, check that it is a Hub")
    return ok(endpoint)


def token(place: Place) -> Finding:
    identity = place.identity
    if identity.role == "read":
        return fail(
            NotAllowed,
            f"the token of {identity.name} may only read",
            f"make one that may write at {place.settings.endpoint}/settings/tokens",
        )
    return ok(f"{identity.name}'s, role {identity.role}")


def account(place: Place) -> Finding:
    wanted = place.settings.account
    if wanted is None and place.settings.watchlist.exists():
        wanted = str(place.watchlist.account)
    if not settings.token():
        return fail(NotAllowed, "unknown without a token", "set HF_TOKEN, or run `hf auth login`")
    wanted = wanted or place.identity.name
    if place.identity.may_write(wanted):
        return ok(f"{place.identity.name} may publish to {wanted}")
    return fail(
        NotAllowed,
        f"{place.identity.name} may not publish to {wanted}",
        f"use a token of {wanted}, or change `account` in {place.settings.watchlist}",
    )


# ------------------------------------------------------------------ what the publisher wrote


def watchlist(place: Place) -> Finding:
    path = place.settings.watchlist
    if not path.exists():
        return warn(f"{path} is not there: `bot publish` works, `bot run` has nothing to watch", "bot init")
    try:
        found = place.watchlist
    except ConfigError as error:
        what, _, meant = str(error).partition("; ")
        return fail(ConfigError, what, meant or "mend this line")
    return ok(f"{path}: {len(found.repos)} repos and {len(found.authors)} authors for {found.account}")


def templates(place: Place) -> Finding:
    import jinja2

    from bot.card import template_folder

    own = place.settings.templates
    sandbox = template_folder.environment(own)
    folders = [folder for folder in (own, template_folder.standard()) if folder]
    names = {
        path.relative_to(folder).as_posix()
        for folder in folders
        for path in folder.rglob(f"*{template_folder.SUFFIX}")
    }
    for name in sorted(names):
        try:
            sandbox.get_template(name)
        except jinja2.TemplateSyntaxError as error:
            where = f"{error.filename or name}:{error.lineno}"
            return fail(ConfigError, f"{where}: {error.message}", "mend this line")
    return ok(f"{len(names)} files in {' and '.join(str(folder) for folder in folders)}")


CHECKS: tuple[Check, ...] = (
    python, mlx, openblas, git, home, database, hub, token, account, watchlist, templates,
)  # fmt: skip
