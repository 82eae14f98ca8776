"""`bot export`: everything the bot knows, one JSON object a line."""

from __future__ import annotations

import sys

from bot import settings as settings_


def export() -> None:
    """Everything known as JSON Lines: runs, plans, repos, published, events; no secrets."""
    from bot.export import lines

    for line in lines(settings_.from_environment()):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
