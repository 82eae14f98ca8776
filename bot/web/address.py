"""Where the page listens and what it asks for: BOT_WEB, BOT_WEB_TOKEN, BOT_WEB_HOSTS.

Loopback needs no token, because whoever can reach it can run `bot` itself. Everywhere else the page is not
served without one. The token is never part of a record, a log line or a message.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import msgspec

from bot.errors import ConfigError
from bot.loopback import is_loopback
from bot.web.own_pages import LOOPBACK_NAMES

DEFAULT = "127.0.0.1:8899"
SHORTEST = 16
"""Characters of a token: with tries slowed as they are, a shorter random one could be found."""


class Token(msgspec.Struct, frozen=True):
    """A secret that does not show itself when it is printed. Empty: none is asked for."""

    value: str = ""

    def __repr__(self) -> str:
        return "Token(…)" if self.value else "Token()"

    def __bool__(self) -> bool:
        return bool(self.value)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """`host` and `port` to listen on (0: any free port); `names` the further host names that it goes by."""

    host: str = "127.0.0.1"
    port: int = 8899
    token: Token = Token()
    names: tuple[str, ...] = ()

    @property
    def here_only(self) -> bool:
        """True where only this machine can ask."""
        return is_loopback(self.host) and not self.names

    @property
    def known_names(self) -> frozenset[str]:
        """Host names that a request may use; addresses are looked at apart (`own_pages.KnownHosts`)."""
        own = () if is_loopback(self.host) else (self.host, *_names_of_this_machine())
        return LOOPBACK_NAMES | frozenset((*own, *self.names))


def from_environment(environment: Mapping[str, str] = os.environ) -> Address | None:
    """The page's address, None where BOT_WEB is `off`.

    Raises ConfigError for what is no address, for a short token, and for an open address without one.
    """
    wanted = (environment.get("BOT_WEB") or DEFAULT).strip()
    if wanted.lower() in ("off", "no", "0", "false"):
        return None
    host, port = _parsed(wanted)
    names = environment.get("BOT_WEB_HOSTS", "").replace(",", " ").split()
    token = Token(environment.get("BOT_WEB_TOKEN", "").strip())
    address = Address(host=host, port=port, token=token, names=tuple(name.lower() for name in names))
    _check(address)
    return address


def _parsed(wanted: str) -> tuple[str, int]:
    host, colon, port = wanted.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"BOT_WEB is {wanted!r}: write host:port, such as {DEFAULT}, or `off` for no page")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _check(address: Address) -> None:
    if address.token and len(address.token.value) < SHORTEST:
        raise ConfigError(f"BOT_WEB_TOKEN is too short: make one of at least {SHORTEST} random characters")
    if not address.here_only and not address.token:
        where = "BOT_WEB_HOSTS" if is_loopback(address.host) else f"BOT_WEB={address.host}"
        raise ConfigError(
            f"{where} lets other machines see the page: set BOT_WEB_TOKEN to a random text of at least "
            f"{SHORTEST} characters, or keep the page to {DEFAULT}"
        )


def _names_of_this_machine() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name, f"{name.split('.', 1)[0]}.local")
