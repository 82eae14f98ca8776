"""`$BOT_HOME/service.env`: the service's secrets, NAME="value" a line, readable by its owner alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from bot.errors import ConfigError
from bot.service import private
from bot.service.wish import SECRETS

_HEAD = """\
# Secrets of the qx-bot service, NAME="value" a line; readable by you alone. Take the # away where needed.
# HF_TOKEN is not, where `hf auth login` was done by the user that the service runs as.
"""


def text_of(given: Mapping[str, str]) -> str:
    """The file's text: the secrets that are given, the others as comments."""
    lines = [f"{name}={_quoted(given[name])}" if given.get(name) else f'# {name}=""' for name in SECRETS]
    return _HEAD + "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    if "\n" in value:
        raise ConfigError("a secret with a line break in it cannot be kept in an environment file")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')  # as systemd.exec(5) and a shell read it
    return f'"{escaped}"'


def read(path: Path) -> dict[str, str]:
    """The secrets that the file holds; none when there is no file. Raises ConfigError, which holds none."""
    return of_text(path.read_text("utf-8"), str(path)) if path.exists() else {}


def of_text(text: str, name: str) -> dict[str, str]:
    """The secrets in the text of the file of that name. Raises ConfigError."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        key, equals, value = line.partition("=")
        try:
            words = shlex.split(value)
        except ValueError:
            words = ["", ""]
        if not equals or not key.strip().isidentifier() or len(words) > 1:
            raise ConfigError(f'{name}:{number}: this line is not NAME="value"')
        found[key.strip()] = words[0] if words else ""
    return {key: value for key, value in found.items() if value}


def make(path: Path, given: Mapping[str, str]) -> list[str]:
    """Write the file where there is none, and see to it that nobody else can read it; what was done.

    `given` secrets replace those of the file. Raises HostError when it cannot be written.
    """
    told: list[str] = []
    if path.exists() and path.stat().st_mode & 0o077:
        path.chmod(private.MODE)
        told.append(f"{path} could be read by others: now by you alone")
    if given or not path.exists():
        private.write(path, text_of({**read(path), **given}).encode())
        told.append(f"{path} holds {', '.join(given) or 'no secret yet'}")
    return told
