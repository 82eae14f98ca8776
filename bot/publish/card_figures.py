"""A published card's figures: drawn anew where they show something else than those that stand there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bot.card.board import Board, board
from bot.card.facts import Facts
from bot.card.figures import FOLDER
from bot.card.figures.sketch import sketches
from bot.records import Manifest, RepoFile


class Drawn(Protocol):
    """A picture as PNG files, light and dark."""

    @property
    def path(self) -> str: ...

    @property
    def dark_path(self) -> str: ...

    @property
    def light(self) -> bytes: ...

    @property
    def dark(self) -> bytes: ...


Draw = Callable[[Facts, Board], "tuple[Drawn, ...]"]


def to_commit(
    manifest: Manifest, listed: Sequence[RepoFile], before: Facts | None, facts: Facts, draw: Draw
) -> dict[str, bytes | None]:
    """The figures of `facts`, and None for those that are no longer shown. No figure where all that is shown
    stands there already, made of the facts `before` (None: not known). Another's picture stays."""
    now = sketches(facts, board(facts))
    shown = {path for sketch in now for path in (sketch.path, sketch.dark_path)}
    there = {file.path for file in listed if file.path.startswith(f"{FOLDER}/")}
    ours = {file.path for file in manifest.files}
    found: dict[str, bytes | None] = dict.fromkeys(sorted((there - shown) & ours))
    if before is not None and sketches(before, board(before)) == now and shown <= there:
        return found
    for figure in draw(facts, board(facts)):
        found |= {figure.path: figure.light, figure.dark_path: figure.dark}
    return found


def drawn(facts: Facts, shown: Board) -> tuple[Drawn, ...]:
    """The pictures, drawn for real."""
    from bot.card.figures.draw import figures  # matplotlib: a second of imports, for those alone who draw

    return figures(facts, shown)
