"""Checks of the Hub: is it there, whose is the token, may it write."""

from __future__ import annotations

from bot import settings
from bot.doctor.finding import Finding, Place, fail, ok
from bot.errors import HubUnavailable, NotAllowed


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
        wanted = place.watchlist.account
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
