"""Who may look at the page and press its buttons. No state but the failed tries: a session is its signature.

A session is `id.issued.HMAC(secret, id.issued)`; its form token is another HMAC of the id, so that a form
made for one session is worth nothing in another. With a token, the secret comes from it: sessions outlive a
restart, and another token ends them all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict

from bot.records import Record
from bot.web.address import Token

LIFETIME = 30 * 86_400.0
"""Seconds for which a browser stays signed in."""

FREE_TRIES = 3
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds until the next try after the first failed ones; each further one doubles it."""

REMEMBERED = 1000
"""Addresses whose failed tries are remembered; beyond them, the oldest is forgotten."""


class Session(Record, frozen=True, kw_only=True):
    """One browser's. `form_token` goes into each of its forms and comes back with it."""

    id: str
    form_token: str


class Sessions:
    """Makes and recognizes sessions, and takes the token for one."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._secret = _keyed(token.value.encode(), "sessions") if token else secrets.token_bytes(32)

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return bool(self._token)

    def new(self, now: float) -> tuple[Session, str]:
        """A session and the cookie that stands for it. `now`: Unix seconds."""
        signed = f"{secrets.token_urlsafe(18)}.{int(now)}"
        return self._session(signed), f"{signed}.{self._sign('session', signed)}"

    def known(self, cookie: str, now: float) -> Session | None:
        """The session that a cookie stands for; None for a forged or an old one."""
        signed, _, signature = cookie.rpartition(".")
        if not same(signature, self._sign("session", signed)):
            return None
        issued = signed.rpartition(".")[2]
        return self._session(signed) if 0 <= now - int(issued) < LIFETIME else None

    def right_token(self, given: str) -> bool:
        """Whether the token is right; compared in constant time."""
        return bool(self._token) and same(given, self._token.value)

    def right_form(self, session: Session, given: str) -> bool:
        """Whether a form was made for this session."""
        return same(given, session.form_token)

    def _session(self, signed: str) -> Session:
        return Session(id=signed, form_token=self._sign("form", signed))

    def _sign(self, what: str, text: str) -> str:
        return _keyed(self._secret, f"{what}:{text}").hex()


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).digest()


def same(given: str, right: str) -> bool:
    """Equality in a time that says nothing about where, or by how much in length, they differ."""
    digests = [hashlib.sha256(text.encode(errors="surrogatepass")).digest() for text in (given, right)]
    return hmac.compare_digest(*digests)


class Tries:
    """Failed tries of the token, by the address that made them; each lengthens the wait for the next."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, who: str, now: float) -> float:
        """Seconds until `who` may try again; 0 when at once."""
        count, at = self._failed.get(who, (0, 0.0))
        return max(0.0, at + waiting_time(count) - now)

    def failed(self, who: str, now: float) -> None:
        count, _ = self._failed.pop(who, (0, 0.0))
        self._failed[who] = (count + 1, now)
        if len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def succeeded(self, who: str) -> None:
        self._failed.pop(who, None)


def waiting_time(failed: int) -> float:
    """Seconds to wait after so many failed tries in a row: none, then 1, 2, 4, … up to a minute."""
    if failed < FREE_TRIES:
        return 0.0
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failed - FREE_TRIES, 10)))
