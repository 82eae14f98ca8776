"""What is wrong with something that was published, in one sentence, and how it can be mended."""

from __future__ import annotations

from typing import Literal

from bot.records import Record

TroubleKind = Literal[
    "edited",  # README.md was changed by hand
    "missing",  # a file of the manifest is not there
    "changed",  # a file is another than the manifest says, or weights are there that it does not list
    "stale",  # made or measured with a version that an advisory disowns
    "collection",  # not in a collection of its manifest, or at another place than before
    "base",  # the base was renamed, deleted or made private
    "gone",  # the repo itself is no longer there
    "unreadable",  # the Hub would not let it be read
]


class Trouble(Record, frozen=True, kw_only=True):
    """One thing. `text`: what is wrong; `repair`: what would mend it; `command`: the line that does, empty
    where only a person can. `about`: the collection's title, where it is about one."""

    repo: str
    kind: TroubleKind
    text: str
    repair: str
    command: str = ""
    about: str = ""
