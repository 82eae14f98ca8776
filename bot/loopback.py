"""A process that may only talk to this machine.

A rehearsal must never reach the real Hub. Settings say so; this makes it
impossible: an audit hook refuses every connection whose address is not
loopback, whichever library makes it. Hooks cannot be removed again.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from bot.errors import NotAllowed

VARIABLE = "BOT_LOOPBACK_ONLY"


def is_loopback(host: str) -> bool:
    """True for localhost and for addresses in 127.0.0.0/8 and ::1; a name is never looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """True when the URL's host is this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def _refuse_elsewhere(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host is not None and not is_loopback(host):
        raise NotAllowed(f"a rehearsal talks to this machine only, and something asked for {host!r}")


def keep_to_loopback() -> None:
    """Refuse every connection off this machine, in this process and in the ones it starts."""
    os.environ[VARIABLE] = "1"
    sys.addaudithook(_refuse_elsewhere)


def keep_to_loopback_if_told() -> None:
    """`keep_to_loopback` when the parent process asked for it through the environment."""
    if os.environ.get(VARIABLE) == "1":
        keep_to_loopback()
