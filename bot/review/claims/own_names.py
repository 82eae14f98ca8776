"""One spelling for each model that a card's own text names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.review.claims.name_patterns import RECIPE, UNKNOWN

NAME = re.compile(r"(?<![\w.])[\w.]+(?:[-+][\w.]+)+")
MOST = 200
"""Long names of a card that a short one may stand for."""


class OwnNames:
    """One spelling for each model: the card's name, a recipe, or the one long name that holds a short one."""

    def __init__(self, text: str, card: str) -> None:
        found = dict.fromkeys(
            name.removesuffix("-mlx") for name in NAME.findall(text[:400_000]) if is_name(name)
        )
        self.card = card.removesuffix("-mlx")
        self.recipe = recipe_in(card)
        self._mine = parts_of(self.card)
        self._long = {name: parts_of(name) for name in list(found)[:MOST] if name != self.card}
        self.subject: str | None = None

    def of(self, written: str, near: Iterable[str] = ()) -> str:
        """The model that is written so; `near` are the names in the heading above, one of which may be its
        longer name."""
        name = re.sub(r"[\u0394\u2190-\u21ff*`]", " ", without_brackets(written)).strip(" :.")
        name = re.sub(r" ?\+ ?", "-", " ".join(name.split()))
        parts = parts_of(name)
        if name.lower() == self.recipe or (parts and parts <= self._mine and not RECIPE.fullmatch(name)):
            self.subject = self.subject or name
            return self.subject
        if parts <= self._mine and name.lower() in self.card.lower():
            self.subject = self.subject or name
            return self.subject
        if not parts:
            return name
        nearby = [long for long in near if parts < parts_of(long)]
        if len(nearby) == 1:
            return nearby[0].removesuffix("-mlx")
        holders = [long for long, its in self._long.items() if parts < its]
        return holders[0] if len(holders) == 1 else name


def without_brackets(written: str) -> str:
    """The same with a space for each `(...)`. None is looked for behind the last `)`: a text of `(` alone
    would take the square of its length."""
    head, close, tail = written.rpartition(")")
    return re.sub(r"\([^)]*\)", " ", head + close) + tail


def is_name(name: str) -> bool:
    return RECIPE.search(name) is not None or UNKNOWN.fullmatch(name) is not None


def recipe_in(card: str) -> str:
    found = RECIPE.findall(card)
    return str(found[-1]).lower() if found else ""


def parts_of(name: str) -> set[str]:
    return {part for part in re.split(r"[-_+ ]+", name.lower()) if part}
