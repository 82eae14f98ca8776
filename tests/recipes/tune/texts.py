"""Calibration text for the tests: of the rehearsal bases' small world, but documents they have not seen."""

from __future__ import annotations

import itertools
from pathlib import Path

from bot.rehearsal.corpus import documents


def write_text(path: Path, count: int = 200) -> Path:
    """So many documents, one after the other; some 30 tokens each."""
    said = itertools.islice(documents(seed=77), count)
    path.write_text(
        "\n\n".join(
            document
            if isinstance(document, str)
            else "\n".join(f"{message['role']}: {message['content']}" for message in document)
            for document in said
        )
    )
    return path
