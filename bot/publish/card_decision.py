"""What is to become of one published card. Pure, but for git's merge.

                         the templates say the same        they say something new
    as the bot left it   unchanged                         changed
    edited by hand       edited, nothing to write          edited: merged, the hand's words kept
                                                           conflict: left alone, until a person says --take

The commit that a card names is not counted as a difference: it alone makes no commit on the Hub.
"""

from __future__ import annotations

import difflib
from typing import Literal

from msgspec.structs import replace

from bot.publish.card_merge import Take, merge
from bot.records import Record

Status = Literal["unchanged", "changed", "edited", "conflict", "failed"]


class CardUpdate(Record, frozen=True, kw_only=True):
    """One card and what is to become of it.

    `before` is README.md as it stands on the Hub (None: it is not there), `base` what the bot wrote last
    (None: not known), `rendered` what it would write now, `after` what is to stand there (None: nothing is
    to be written). `blocks` are the files of its template that changed since, as far as git knows. `kept` are
    other files that somebody changed by hand and that are left as they are. `commit` is the Hub's, once
    written; `note` a sentence for people.
    """

    repo: str
    status: Status
    before: str | None = None
    base: str | None = None
    rendered: str | None = None
    after: str | None = None
    edited: bool = False
    blocks: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    commit: str = ""
    note: str = ""
    error: str = ""
    error_kind: str = ""

    @property
    def writes(self) -> bool:
        """Whether a commit on the Hub is due."""
        return self.after is not None and not self.commit and not self.error

    @property
    def diff(self) -> str:
        """What the update changes on the Hub, as a unified diff."""
        return "" if self.after is None else unified(self.before or "", self.after, "now", "then")

    @property
    def hand_diff(self) -> str:
        """What somebody changed by hand since the bot wrote last; empty where that is not known."""
        if not self.edited or self.base is None:
            return ""
        return unified(self.base, self.before or "", "as the bot wrote it", "as it stands there")

    @property
    def template_diff(self) -> str:
        """What the templates change, beside the hand's changes."""
        if self.rendered is None:
            return ""
        old = self.base if self.base is not None else self.before
        return unified(old or "", self.rendered, "as the bot wrote it", "as it would write it now")


def decide(found: CardUpdate, old: str | None, new: str | None, take: Take | None = None) -> CardUpdate:
    """`found` with its status and, where something is to be written, the text. `rendered` must be there.

    `old` and `new` are the templates' commits that `base` and `rendered` name.
    """
    base, theirs = named(found.base, old, new), named(found.before, old, new)
    mine = found.rendered
    assert mine is not None, "a card is decided on when it is rendered"
    if not found.edited:
        return _said(found, "unchanged") if theirs == mine else _said(found, "changed", mine)
    if base == mine:
        return _said(found, "edited", note="edited by hand; the templates bring nothing new")
    if theirs is None:
        return _deleted(found, mine, take)
    if base is None:
        return _without_base(found, mine, theirs, take)
    merged = merge(base, mine, theirs, take)
    if merged.conflicts:
        return _conflict(found, "the hand and the templates changed the same lines")
    if merged.text == theirs and take is None:
        return _said(found, "edited", note="edited by hand; what the templates bring is there already")
    return _said(found, "edited", merged.text, note="edited by hand; merged, and the hand's words kept")


def named(text: str | None, old: str | None, new: str | None) -> str | None:
    """The text as if it named the new commit; line ends as git has them."""
    if text is None:
        return None
    text = text.replace("\r\n", "\n")
    return text.replace(old, new) if old and new else text


def _deleted(found: CardUpdate, mine: str, take: Take | None) -> CardUpdate:
    if take == "mine":
        return _said(found, "edited", mine, note="README.md was deleted by hand; put there again")
    if take == "theirs":
        return _said(found, "edited", note="README.md was deleted by hand, and stays so")
    return _conflict(found, "README.md was deleted by hand")


def _without_base(found: CardUpdate, mine: str, theirs: str, take: Take | None) -> CardUpdate:
    if theirs == mine:
        return _said(found, "edited", note="edited by hand; what the templates bring is there already")
    if take is None:
        return _conflict(found, "edited by hand, and what the bot wrote last is not in the repo's history")
    return _said(found, "edited", mine if take == "mine" else theirs, note=f"edited by hand; --take {take}")


def _conflict(found: CardUpdate, why: str) -> CardUpdate:
    return _said(
        found,
        "conflict",
        note=f"{why}, so it is left alone: `bot card update {found.repo} --take mine` lets the bot's words "
        "stand there, `--take theirs` the hand's",
    )


def _said(found: CardUpdate, status: Status, after: str | None = None, note: str = "") -> CardUpdate:
    return replace(found, status=status, after=after, note=note)


def unified(old: str, new: str, before: str, after: str) -> str:
    """A unified diff of two cards, each line ended."""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"README.md {before}", f"README.md {after}", lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
