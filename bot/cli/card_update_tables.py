"""What people see of `bot card update`: each card's diff, and a table of what became of them all."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot.publish.card_decision import CardUpdate

WORDS = {
    "unchanged": "unchanged",
    "changed": "changed",
    "edited": "edited by hand",
    "conflict": "conflict",
    "failed": "failed",
}
_COLOURS = {"changed": "green", "edited": "yellow", "conflict": "red", "failed": "red"}


def changes(update: CardUpdate) -> Iterator[RenderableType]:
    """One card: its name, what the hand changed, what the update changes. Nothing for what stays as it is."""
    if update.status == "unchanged" and not update.kept and not update.note:
        return
    yield Text(f"{update.repo}: {WORDS[update.status]}", style="bold")
    for sentence in filter(None, (update.note, update.error)):
        yield Text(f"  {_printable(sentence)}")
    if update.blocks:
        yield Text(f"  changed since then: {', '.join(update.blocks)}")
    if update.kept:
        yield Text(f"  changed by hand as well, and left so: {_printable(', '.join(update.kept))}")
    if update.hand_diff:
        yield Text("What was changed by hand:", style="italic")
        yield diff(update.hand_diff)
    if update.status == "conflict" and update.template_diff:
        yield Text("What the templates change:", style="italic")
        yield diff(update.template_diff)
    if update.diff:
        yield Text("What is written:", style="italic")
        yield diff(update.diff)


def diff(text: str) -> Text:
    """A unified diff in colours. What a terminal would take for a command is not printed."""
    shown = Text()
    for line in text.splitlines():
        shown.append(f"{_printable(line)}\n", style=_style(line))
    return shown


def _style(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _printable(line: str) -> str:
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cf") and c != "\t" else c for c in line
    )


def summary(done: list[CardUpdate], *, dry_run: bool) -> Iterator[RenderableType]:
    """How many cards there are of each kind and how many were written; what waits or failed, by name."""
    table = Table(box=None, pad_edge=False)
    table.add_column("cards")
    table.add_column("", justify="right")
    table.add_column("written", justify="right")
    for status, words in WORDS.items():
        mine = [each for each in done if each.status == status]
        if mine:
            written = sum(1 for each in mine if each.commit)
            table.add_row(Text(words, style=_COLOURS.get(status, "")), str(len(mine)), str(written or ""))
    yield table
    for each in done:
        if each.status in ("conflict", "failed"):
            yield Text(f"{each.repo}: {_printable(each.note or each.error)}")
    if not any(
        each.status in ("changed", "conflict", "failed") or each.writes or each.commit for each in done
    ):
        yield Text("Every card is up to date; nothing was done.")
    elif dry_run:
        yield Text("Nothing was done: this was a dry run.")
