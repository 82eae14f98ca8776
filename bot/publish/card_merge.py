"""Three texts into one: what the bot wrote last, what it would write now, what a person made of it meanwhile.

Git's own `merge-file` does it: what a card's template is from is known by git anyway, and its merge is the
one that people know. The library merge3 does the same under the GPL, which this project is not under.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from bot.errors import HostError
from bot.records import Record

Take = Literal["mine", "theirs"]
"""Whose text stands where both changed the same lines: `mine` is the bot's, `theirs` the person's."""


class Merged(Record, frozen=True, kw_only=True):
    """The merged text; with conflicts it holds git's markers."""

    text: str
    conflicts: int


def merge(base: str, mine: str, theirs: str, take: Take | None = None) -> Merged:
    """What both changed since `base`; `take` settles the places where they meet.

    Raises HostError where git is missing or refuses (a text with NUL bytes).
    """
    try:
        import git  # needs the git program, which a machine may lack
    except ImportError as error:
        raise HostError("git is missing on this machine: install it, cards are merged by it") from error
    options = {"mine": ["--ours"], "theirs": ["--theirs"], None: []}[take]
    with tempfile.TemporaryDirectory() as folder:
        names = _written(Path(folder), {"mine": mine, "base": base, "theirs": theirs})
        status, text, complaint = git.Git(folder).merge_file(
            "--stdout", *options, *names,
            with_extended_output=True, with_exceptions=False, strip_newline_in_stdout=False,
        )  # fmt: skip
    if not 0 <= status < 128:  # more is an error, less the number of conflicts
        raise HostError(f"git cannot merge the card: {complaint.strip() or status}")
    return Merged(text=text, conflicts=status)


def _written(folder: Path, texts: dict[str, str]) -> list[str]:
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    return list(texts)
