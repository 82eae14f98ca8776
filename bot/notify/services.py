"""The services that are told: apprise URLs from BOT_NOTIFY and a file, and one message to one of them."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import apprise
import msgspec

from bot.errors import ConfigError
from bot.journal.timeline import EventKind
from bot.notify.render import Message
from bot.notify.settings import NotifySettings
from bot.records import Record
from bot.redaction import REDACTOR, one_line, redacted, secrets_of_service

VARIABLE = "BOT_NOTIFY"
WIKI = "https://appriseit.com/services/"
KINDS: frozenset[str] = frozenset(get_args(EventKind))
_SCHEMA = re.compile(r"[a-z][a-z0-9]{1,30}")
_READ_TIMEOUT = 20.0
"""Seconds without a byte after which a service is given up, for this try."""


def _clean(record: logging.LogRecord) -> bool:
    """apprise masks URLs, but not a token that it finds wrong: its lines are cleaned where they are made."""
    record.msg, record.args = redacted(record.getMessage()), ()
    return True


# What it has to say of a failure comes back with its result; nobody needs its lines besides.
logging.getLogger("apprise").addFilter(_clean)
logging.getLogger("apprise").addHandler(logging.NullHandler())
logging.getLogger("apprise").propagate = False
_building = threading.Lock()


class Service(Record, frozen=True, kw_only=True):
    """One service. `name` (slack-1) is how it is spoken of; `kinds` are the events that it is told."""

    name: str
    url: str
    kinds: tuple[EventKind, ...]

    def __repr__(self) -> str:
        return f"Service(name={self.name!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name)]


def services(settings: NotifySettings, environment: Mapping[str, str], folder: Path) -> tuple[Service, ...]:
    """All services, in order: those of the environment, then those of the file.

    From now on nothing of their URLs can get into a log. Raises ConfigError, which holds nothing of them.
    """
    said = environment.get(VARIABLE, "").split()
    words = [(f"{VARIABLE}, service {number}", word) for number, word in enumerate(said, 1)]
    path = file_of(settings, folder)
    words += _of_file(path) if path is not None else []
    for _, text in words:
        REDACTOR.hide(*secrets_of_service(_halves(text)[1]))
    found: list[Service] = []
    for place, text in words:
        found.append(_service(place, text, settings, [service.name for service in found]))
    return tuple(found)


def _halves(text: str) -> tuple[str, str]:
    """`slack://…` or, for only these kinds, `failed,trouble=slack://…`: the kinds and the URL."""
    head, separator, url = text.partition("=")
    return (head.strip(), url.strip()) if separator and "://" not in head else ("", text)


def file_of(settings: NotifySettings, folder: Path) -> Path | None:
    """The file that names services; a relative one lies beside the watchlist."""
    return folder / Path(settings.services_file).expanduser() if settings.services_file else None


def _of_file(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"notify: services_file {path} cannot be read ({type(error).__name__}): one apprise URL a line, "
            "readable by you alone"
        ) from None
    stripped = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(f"{path}:{number}", line) for number, line in stripped if line and not line.startswith("#")]


def _service(place: str, text: str, settings: NotifySettings, names: list[str]) -> Service:
    words, url = _halves(text)
    kinds = _kinds(place, words) if words else settings.kinds
    schema = url.partition("://")[0].lower()
    if not _SCHEMA.fullmatch(schema) or "://" not in url or _opened(url) is None:
        raise ConfigError(
            f"{place}: this is no URL of a service that apprise knows (it is not shown, as it may hold a "
            f"password); see {WIKI}"
        )
    number = sum(name.rpartition("-")[0] == schema for name in names) + 1
    return Service(name=f"{schema}-{number}", url=url, kinds=kinds)


def _kinds(place: str, words: str) -> tuple[EventKind, ...]:
    asked = [word.strip() for word in words.split(",")]
    if wrong := [word for word in asked if word not in KINDS]:
        shown = wrong[0] if re.fullmatch(r"[a-z]{1,20}", wrong[0]) else "what stands before `=`"
        raise ConfigError(f"{place}: {shown} is no kind of event; there are {', '.join(sorted(KINDS))}")
    return msgspec.convert(asked, tuple[EventKind, ...])


_OPENED: dict[str, apprise.Apprise | None] = {}


def _opened(url: str) -> apprise.Apprise | None:
    """apprise's object for the URL, made once; None where it understands none."""
    with _building:
        if url not in _OPENED:
            if len(_OPENED) > 100:  # URLs of a file that was edited again and again
                _OPENED.clear()
            asset = apprise.AppriseAsset(app_id="qx-bot", app_desc="qx-bot", secure_logging=True)
            separator = "&" if "?" in url else "?"
            limits = "" if "rto=" in url else f"{separator}rto={_READ_TIMEOUT:g}"
            made = apprise.Apprise(asset=asset)
            _OPENED[url] = made if made.add(url + limits) else None
        return _OPENED[url]


def send(service: Service, message: Message) -> str | None:
    """Tell it. Returns None when the service took it, else why not, in a few words without a secret.

    Waits for the service: call it where waiting hurts nobody.
    """
    opened = _opened(service.url)
    if opened is None:
        return "apprise does not know this service"
    types = {"bad": apprise.NotifyType.FAILURE, "ask": apprise.NotifyType.WARNING,
             "good": apprise.NotifyType.SUCCESS, "plain": apprise.NotifyType.INFO}  # fmt: skip
    try:
        result = opened.notify(
            body=message.body, title=message.title, notify_type=types[message.mood], body_format="text"
        )
    except Exception as error:  # noqa: BLE001  a plugin's mistake is that service's failure, never ours
        return f"apprise broke with {type(error).__name__}"
    if result:
        return None
    said = [entry.message for entry in result.logs()]
    return one_line(redacted(said[-1]))[:200] if said else "it said no"
