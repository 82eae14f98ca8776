"""What an LLM review ends in, and the error that ends one without."""

from __future__ import annotations

from typing import Literal

from bot.errors import BotError
from bot.records import Record

Kind = Literal["paragraph", "bullet", "heading"]


class NoReview(BotError):  # noqa: N818  it says what happened
    """There is no usable review; the message says why, and never holds a key."""


class Block(Record, frozen=True, kw_only=True):
    """A paragraph, a line of a list, or a heading: plain text on one line, not yet escaped."""

    kind: Kind
    text: str


class Dropped(Record, frozen=True, kw_only=True):
    """A sentence that was taken out, as the model wrote it, and why."""

    sentence: str
    why: str


class Checked(Record, frozen=True, kw_only=True):
    """What the claim checker said of the final text; what it called false is not in there any more.

    `nothing_to_check` counts sentences without any statement that it saw, such as advice.
    """

    statements: int
    true: int
    not_checkable: int
    nothing_to_check: int = 0


class Reviewed(Record, frozen=True, kw_only=True):
    """A review whose numbers were rendered by the bot and whose statements were checked."""

    blocks: tuple[Block, ...]
    model: str
    checked: Checked
    dropped: tuple[Dropped, ...] = ()

    @property
    def text(self) -> str:
        """The text that was checked: blocks with an empty line between, lists line by line."""
        return joined(self.blocks)[0]


def joined(blocks: tuple[Block, ...]) -> tuple[str, tuple[int, ...]]:
    """The blocks as one text, and where each block's own text begins in it."""
    text, starts, before = "", [], None
    for block in blocks:
        if before is not None:
            text += "\n" if before == block.kind == "bullet" else "\n\n"
        text += "- " if block.kind == "bullet" else ""
        starts.append(len(text))
        text += block.text
        before = block.kind
    return text, tuple(starts)
