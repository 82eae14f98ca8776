"""The LaunchAgent of a Mac, as a property list: pure. See launchd.plist(5) and caffeinate(8)."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

from bot.service.unit import STOP_SECONDS
from bot.service.wish import NAME, Wish

LABEL = NAME

AWAKE = '/usr/bin/caffeinate -s -w $$ & exec "$0" "$@"'
"""caffeinate keeps the system awake while the process of this number lives, on mains power; the display may
sleep, and should: while it is on, macOS ends GPU work that takes too long. The shell then becomes the bot,
so that launchd's SIGTERM and the exit status are the bot's own."""


def agent(wish: Wish, secrets: dict[str, str] | None = None) -> dict[str, Any]:
    """The agent. `ProcessType` Interactive: Background and Standard are throttled (87 to 11 tokens a second
    was reported). launchd knows no environment file, so `secrets` go into the list itself (mode 600)."""
    log = str(Path(wish.logs) / "service.log")
    path = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"  # git, for the templates
    return {
        "Label": LABEL,
        "ProgramArguments": ["/bin/sh", "-c", AWAKE, *wish.command],
        "WorkingDirectory": wish.folder,
        "EnvironmentVariables": {"PATH": path, **wish.environment, **(secrets or {})},
        "ProcessType": "Interactive",
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ExitTimeOut": STOP_SECONDS,
        "StandardOutPath": log,
        "StandardErrorPath": log,
        "SoftResourceLimits": {"NumberOfFiles": 65536},
        "HardResourceLimits": {"NumberOfFiles": 65536},
        "Umask": 0o077,
    }


def plist(content: dict[str, Any]) -> bytes:
    """The XML that launchd reads."""
    return plistlib.dumps(content, sort_keys=False)
