"""What the service is to be: which `bot` it runs, with which watchlist, as whom, with what around it."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from bot.errors import HostError, UsageError
from bot.records import Record
from bot.settings import REAL_HUB, Settings

NAME = "qx-bot"
CARRIED = (
    "BOT_HOME", "HF_ENDPOINT", "BOT_ACCOUNT", "BOT_TEMPLATES", "BOT_WEB", "BOT_WEB_HOSTS",
    "BOT_TAKE_OVER_AFTER", "BOT_SPLIT_FROM", "BOT_OPENBLAS", "HF_HOME", "HF_TOKEN_PATH", "HF_HUB_CACHE",
    "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "TZ",
)  # fmt: skip
"""What of the shell's environment the service gets too. No secret is among it."""

SECRETS = (
    "HF_TOKEN", "BOT_NOTIFY", "BOT_WEB_TOKEN", "BOT_WEBHOOK_SECRET", "BOT_DATABASE_URL",
)  # fmt: skip
"""What belongs into the service's environment file, readable by its owner alone."""


class Wish(Record, frozen=True, kw_only=True):
    """A service to be installed. `bot` is the console script's path, `home` BOT_HOME, `logs` its log folder.

    `user`: as whom a service of the whole system runs (None: the user's own service). `environment` holds no
    secret. `writable`: folders beside `home` in which it writes, caches for instance.
    """

    bot: str
    home: str
    watchlist: str
    logs: str
    environment: dict[str, str]
    user: str | None = None
    json_logs: bool = False
    writable: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """What the service runs."""
        more = ("--log-format", "json") if self.json_logs else ()
        return (self.bot, "run", "--watchlist", self.watchlist, *more)

    @property
    def environment_file(self) -> str:
        """Where its secrets stand, one NAME=value a line, mode 600."""
        return str(Path(self.home) / "service.env")

    @property
    def folder(self) -> str:
        """The folder it runs in: the watchlist's."""
        return str(Path(self.watchlist).parent)


def console_script(called_as: str, executable: str) -> Path:
    """The installed `bot`: as it was called, else the one beside this Python. Raises HostError."""
    called = Path(called_as)
    for path in (called, Path(executable).parent / "bot"):
        if path.name == "bot" and path.is_file() and os.access(path, os.X_OK):
            return path.absolute()
    raise HostError(
        "there is no installed `bot` command for a service to run: install it, for instance with "
        "`uv tool install qx-bot`, and call `bot service install`"
    )


def passing(script: Path, temporary: Path) -> str | None:
    """Why this `bot` will not be there for long, None when it is installed to stay.

    uvx, `uv run --with` and pipx run keep their environments in a cache that is cleared now and then.
    """
    real = script.resolve()
    parts = {part.lower() for part in (*script.parts, *real.parts)}
    if parts & {"archive-v0", "environments-v2", "builds-v0"}:
        return "it lies in uv's cache, as `uvx` makes it"
    if {"pipx", ".cache"} <= parts:
        return "it lies in pipx's cache, as `pipx run` makes it"
    if any(path.is_relative_to(temporary.resolve()) for path in (script, real)):
        return f"it lies in {temporary}, which is emptied"
    return None


def checked_script() -> Path:
    """The `bot` that the service will run. Raises HostError, and UsageError for one that will vanish."""
    script = console_script(sys.argv[0], sys.executable)
    why = passing(script, Path(tempfile.gettempdir()))
    if why is not None:
        raise UsageError(
            f"{script} will not be there for long ({why}): install it to stay, `uv tool install qx-bot` or "
            "`pipx install qx-bot`, and call that `bot service install`"
        )
    return script


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this environment the service is given too, in a fixed order; the real Hub is not named."""
    found = {name: environment[name] for name in CARRIED if environment.get(name)}
    return {name: value for name, value in found.items() if (name, value) != ("HF_ENDPOINT", REAL_HUB)}


def wish_for(
    known: Settings, watchlist: Path, environment: Mapping[str, str], *, user: str | None, json_logs: bool
) -> Wish:
    """The service for these settings. `user`: a service of the system that runs as that user, in whose home
    BOT_HOME lies unless it was set to another place.

    Raises HostError and UsageError about the installed `bot`, UsageError for a user there is none of.
    """
    script = checked_script()
    home, state = known.home, known.state
    writable: tuple[str, ...] = ()
    if user is not None:
        own = _home_of(user)
        writable = (str(own / ".cache"),)
        if str(known.home) == platformdirs.user_data_dir(NAME, appauthor=False):
            home = own / ".local" / "share" / NAME
            state = home / known.state.relative_to(known.home)
    paths = {"BOT_HOME": str(home)}
    if known.templates is not None:  # the service runs in another folder than this shell
        paths["BOT_TEMPLATES"] = str(known.templates.absolute())
    return Wish(
        bot=str(script),
        home=str(home),
        watchlist=str(watchlist.absolute()),
        logs=str(state / "logs"),
        environment=carried(environment) | paths,
        user=user,
        json_logs=json_logs,
        writable=writable,
    )


def _home_of(user: str) -> Path:
    try:
        return Path(pwd.getpwnam(user).pw_dir)
    except KeyError:
        raise UsageError(f"there is no user {user!r} on this machine: name one with --run-as") from None
