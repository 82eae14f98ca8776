"""`bot doctor`: one small check for each thing that must be right, and the way out where it is not.

Every check has one signature, `Check`; `CHECKS` is their order: first this machine,
then the Hub, then what the publisher wrote. Nothing is changed, no secret is shown.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bot.doctor.database_url import database
from bot.doctor.files import templates, watchlist
from bot.doctor.finding import Check, Finding, Place
from bot.doctor.hub_account import account, hub, token
from bot.doctor.machine import git, home, mlx, openblas, python
from bot.errors import BotError
from bot.settings import Settings

CHECKS: tuple[Check, ...] = (
    python, mlx, openblas, git, home, database, hub, token, account, watchlist, templates,
)  # fmt: skip


def examine(known: Settings) -> Iterator[Finding]:
    """Every check's finding, in order, as it is made. Raises nothing."""
    place = Place(known)
    for check in CHECKS:
        yield _found(check, place)


def _found(check: Check, place: Place) -> Finding:
    name = check.__name__
    try:
        found = check(place)
    except BotError as error:
        what, _, way_out = str(error).partition(": ")
        found = Finding(check=name, status="fail", what=what, way_out=way_out, kind=type(error).__name__)
    except Exception as error:  # noqa: BLE001  the other checks still have something to say
        found = Finding(
            check=name,
            status="fail",
            what=f"this check itself broke ({type(error).__name__})",
            way_out="report it with the output of `bot doctor --json`",
        )
    return msgspec.structs.replace(found, check=name)
