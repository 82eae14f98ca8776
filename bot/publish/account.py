"""Under which account something is published or looked after."""

from __future__ import annotations

from bot.errors import NotAllowed
from bot.huggingface import HubDoor


def writable(door: HubDoor, *named: str | None) -> str:
    """The first account that is named, else the token's own; one request.

    Callers name them in this order: the command line's, BOT_ACCOUNT, the watchlist's. Raises NotAllowed
    without a token, and where it may not write to that account.
    """
    identity = door.whoami()
    account = next(filter(None, named), identity.name)
    if not identity.may_write(account):
        raise NotAllowed(
            f"this token is {identity.name}'s and may not write to {account}: use a token of {account}, or "
            "name another account with --account"
        )
    return account
