"""Text that anybody may read: secrets taken out of it, and nothing in it that a terminal would obey.

What is a secret is known in two ways: by value (the tokens and passwords of the environment, and what
`hide` is told), and by shape (a Hub token, an Authorization header, a URL with a password in it).
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST = 4
"""Characters below which a value is no secret: hiding every `a` of a log would hide the log."""

_NAMED_SECRET = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY)$")
_SERVICES = "BOT_NOTIFY"
_DATABASE = "BOT_DATABASE_URL"

_USERINFO = re.compile(r"(://)([^\s/?#:@]*)(:?)[^\s/?#]*@")
_QUERY = re.compile(
    r"(?i)([?&;](?:[a-z0-9_\-]*(?:token|secret|passw(?:or)?d|signature|credential|api_?key)|pass|pwd|key|sig)=)"
    r"[^\s&#\"']+"
)
_HUB_TOKEN = re.compile(r"\b(hf|api_org)_(jwt_|oauth_)?[A-Za-z0-9.\-]{16,}")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|x-webhook-secret|x-api-key|(?:set-)?cookie)(['\"]?\s*[:=]\s*['\"]?)"
    r"(?:(?:bearer|basic|digest|token)\s+)?[^\r\n,'\"}\]]+"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=\-]{6,}")
_HOSTNAME = re.compile(r"localhost|\[.*\]|[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+")

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, separators of lines, what turns the direction of writing or shows as nothing, and
halves of surrogate pairs, which no file takes."""


class Redactor:
    """Takes secrets out of text. `hide` may be called at any time, from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._hiding = threading.Lock()
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Take these values out too, also where they are quoted for a URL, for JSON or by repr()."""
        found = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        with self._hiding:  # of two at once, neither's may be lost
            if found <= self._secrets:
                return
            self._secrets = self._secrets | found
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """The text with MASK in place of every secret; twice is as once."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for shape, put in _SHAPES:
            text = shape.sub(put, text)
        return text


def _userinfo(found: re.Match[str]) -> str:
    """A user's name may be read where a password stands beside it; alone it is often a token."""
    return f"{found[1]}{found[2]}:{MASK}@" if found[3] else f"{found[1]}{MASK}@"


_SHAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_HEADER, rf"\1\2{MASK}"),
    (_BEARER, rf"\1{MASK}"),
    (_USERINFO, _userinfo),
    (_QUERY, rf"\1{MASK}"),
    (_HUB_TOKEN, MASK),
)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret), unquote(secret))
    yield from (repr(secret)[1:-1], repr(f'"{secret}')[2:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The secrets among environment variables: tokens, keys, a database's password, notification services."""
    found: set[str] = set()
    for name, value in environment.items():
        if _NAMED_SECRET.search(name):
            found.add(value.strip())
        elif name == _SERVICES:
            found.update(part for service in value.split() for part in secrets_of_service(service))
        elif name == _DATABASE:
            found.update(_passwords(value))
    return frozenset(secret for secret in found if len(secret) >= SHORTEST)


def secrets_of_service(url: str) -> frozenset[str]:
    """What must not be read of a notification service's URL: the whole, passwords, and whatever may be a
    token, which for many services is a piece of the path or stands where a host would."""
    rest = url.split("://", 1)[-1]
    place, _, query = rest.partition("?")
    host, _, path = place.rpartition("@")[2].partition("/")
    pieces = [piece for piece in re.split(r"[/:@,]", path) if len(piece) >= 8]
    user = [piece for piece in place.rpartition("@")[0].split(":") if len(piece) >= 8]
    name = host.rpartition(":")[0] or host
    if not _HOSTNAME.fullmatch(name):
        pieces += [piece for piece in host.split(":") if len(piece) >= 6]
    values = [part.partition("=")[2] for part in query.split("&")]
    found = [url, *_passwords(url), *pieces, *user, *(value for value in values if len(value) >= 12)]
    return frozenset(one for one in found if len(one) >= SHORTEST)


def _passwords(url: str) -> Iterator[str]:
    """What stands between the user and the host, also where it holds characters that it should not."""
    if found := re.search(r"://[^:@/]*:(.*)@", url):
        yield found[1]
        yield unquote(found[1])


def one_line(text: str) -> str:
    """The text with what a terminal or a log reader would obey written out (`\\n`, `\\x1b`, `\\u202e`)."""
    return _UNSEEN.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    character = found[0]
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if known is not None:
        return known
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


REDACTOR = Redactor()
"""This process's: `bot.logs.set_up` tells it the environment's secrets, `bot.notify` its services'."""


def redacted(text: str) -> str:
    """The text without the secrets that this process knows of."""
    return REDACTOR(text)


def know_environment() -> None:
    """Let `redacted` know the secrets of the environment as it is now."""
    REDACTOR.hide(*secrets_of(os.environ))
