"""The JSON Schema of facts files. `python -m bot.card.schema` prints what docs/facts.schema.json holds."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from bot.card.facts import Facts


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of `Facts`; descriptions are the docstrings of the types."""
    found = msgspec.json.schema(Facts)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Facts of a card", **found}


def text() -> str:
    """The schema as the file holds it."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
