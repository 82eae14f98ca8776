"""What every job of the daemon works with."""

from __future__ import annotations

from dataclasses import dataclass

from dbos import DBOSClient

from bot.huggingface import HubDoor
from bot.journal.database import Journal
from bot.settings import Settings


@dataclass(frozen=True)
class Desk:
    """One Hub, one database. `client` is None where nothing ever ran (a look by hand)."""

    settings: Settings
    door: HubDoor
    journal: Journal
    client: DBOSClient | None = None
