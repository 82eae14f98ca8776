"""The publisher's own words: `notes/<base|recipe|account>.md` beside the watchlist, printed as written.

They are Markdown that the publisher answers for and signs. The claim checker warns about what is false in
them; it never cuts a word.
"""

from __future__ import annotations

from pathlib import Path

from bot.card.facts import Words
from bot.errors import ConfigError

FOLDER = "notes"
LONGEST = 100_000
"""Bytes of one file; more is no note."""


def words_for(watchlist: Path, base: str, recipe: str, account: str) -> tuple[Words, ...]:
    """What is written about this base, this recipe and by this account, in that order.

    A base's file is called like it, without its owner. Raises ConfigError for a file that is no text.
    """
    folder = watchlist.absolute().parent / FOLDER
    names = dict.fromkeys((base.rsplit("/", 1)[-1], recipe, account))
    found = (
        _read(folder / f"{name}.md") for name in names if "/" not in name and name not in ("", ".", "..")
    )
    return tuple(Words(text=text, signed=account) for text in found if text)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes() if path.is_file() else b""
        if len(data) > LONGEST:
            raise ConfigError(f"{path} has {len(data):,} bytes: a note on a card has at most {LONGEST:,}")
        return data.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}") from error
