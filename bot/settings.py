"""Where things are and who we are: read once from the environment, then passed along.

Tokens are read from the environment (or the Hub client's own token file) and are
never part of a record, a log line or a message.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import platformdirs

from bot import loopback
from bot.errors import ConfigError

REAL_HUB = "https://huggingface.co"
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One process's settings. `home` holds database, runs, caches (per endpoint); `endpoint` is the Hub."""

    home: Path
    endpoint: str = REAL_HUB
    database_url: str = ""
    watchlist: Path = Path("watchlist.yaml")
    templates: Path | None = None
    account: str | None = None

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of DBOS's database: SQLite in `home` unless a URL was given."""
        return self.database_url or f"sqlite:///{self.state / 'bot.sqlite'}"

    @property
    def is_real_hub(self) -> bool:
        return self.endpoint == REAL_HUB

    @property
    def hub_home(self) -> Path:
        """This endpoint's own HF_HOME, so that answers of one Hub are never taken for another's."""
        host = urlsplit(self.endpoint).netloc.replace(":", "_") or "hub"
        digest = hashlib.sha256(self.endpoint.encode()).hexdigest()[:8]
        return self.home / "hubs" / f"{host}-{digest}"

    @property
    def state(self) -> Path:
        """Where runs of this endpoint live: what was begun against one Hub is never executed on another."""
        return self.home if self.is_real_hub else self.hub_home

    @property
    def measurements(self) -> Path:
        """The store of finished measurements and of the outcomes of every question (`measure/results.py`)."""
        return self.state / "measurements"

    def run_folder(self, run_id: str) -> Path:
        """Where one run keeps its log and progress. Run ids hold slashes and @; folder names must not."""
        readable = "".join(c if c.isalnum() or c in "._-" else "_" for c in run_id)[-80:]
        return self.state / "runs" / f"{readable}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def _is_web(endpoint: str) -> bool:
    try:
        return urlsplit(endpoint).scheme in ("http", "https")
    except ValueError:  # brackets around what is no address
        return False


def from_environment() -> Settings:
    """Settings from BOT_HOME, HF_ENDPOINT, BOT_DATABASE_URL, BOT_WATCHLIST, BOT_TEMPLATES, BOT_ACCOUNT.

    Raises ConfigError for an endpoint that is no http(s) URL.
    """
    env = os.environ
    endpoint = (env.get("HF_ENDPOINT") or REAL_HUB).rstrip("/")
    if not _is_web(endpoint):
        raise ConfigError(f"HF_ENDPOINT is {endpoint!r}: set it to a URL such as {REAL_HUB}, or unset it")
    home = env.get("BOT_HOME") or platformdirs.user_data_dir("qx-bot", appauthor=False)
    return Settings(
        home=Path(home).expanduser().absolute(),
        endpoint=endpoint,
        database_url=env.get("BOT_DATABASE_URL", ""),
        watchlist=Path(env.get("BOT_WATCHLIST") or "watchlist.yaml"),
        templates=Path(env["BOT_TEMPLATES"]) if env.get("BOT_TEMPLATES") else None,
        account=env.get("BOT_ACCOUNT") or None,
    )


def hub_environment(settings: Settings) -> dict[str, str]:
    """The environment under which a process talks to this Hub and to no other.

    Off the real Hub: xet is switched off (the client would upload through it whatever
    the server says), caches and datasets live under `hub_home`, and on a loopback
    Hub every other address is refused.
    """
    env = dict(os.environ)
    env["BOT_HOME"] = str(settings.home)
    env["HF_ENDPOINT"] = settings.endpoint
    env["HF_HUB_DISABLE_TELEMETRY"] = "1"
    env["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    env["TOKENIZERS_PARALLELISM"] = "false"
    if settings.is_real_hub:
        return env
    env["HF_HUB_DISABLE_XET"] = "1"
    env["HF_HOME"] = str(settings.hub_home)
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HF_XET_CACHE",
                 "HF_ASSETS_CACHE", "HF_DATASETS_OFFLINE", "HF_MODULES_CACHE"):  # fmt: skip
        env.pop(name, None)
    if loopback.is_loopback_url(settings.endpoint):
        env[loopback.VARIABLE] = "1"
    return env


def apply(settings: Settings) -> None:
    """Put `hub_environment` in force in this process. Must come before huggingface_hub is imported."""
    env = hub_environment(settings)
    for name in [name for name in os.environ if name not in env]:
        del os.environ[name]
    os.environ.update(env)
    loopback.keep_to_loopback_if_told()


def token() -> str | None:
    """The Hub token: from the environment, else the file that `hf auth login` wrote for this endpoint."""
    for name in TOKEN_VARIABLES:
        if os.environ.get(name):
            return os.environ[name]
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    path = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    return path.read_text().strip() or None if path.is_file() else None
