"""One spelling for each model that a card's own text names."""

from __future__ import annotations

import re

from bot.review.claims.name_patterns import RECIPE, UNKNOWN

NAME = re.compile(r"[\w.]+(?:[-+][\w.]+)+")


class OwnNames:
    """One spelling for each model: the card's name, a recipe, or the one long name that holds a short one."""

    def __init__(self, text: str, card: str) -> None:
        found = dict.fromkeys(
            name.removesuffix("-mlx") for name in NAME.findall(text[:400_000]) if is_name(name)
        )
        self.card = card.removesuffix("-mlx")
        self.recipe = recipe_in(card)
        self._long = [self.card, *(name for name in list(found)[:200] if name != self.card)]
        self.subject: str | None = None

    def of(self, written: str, near: str = "") -> str:
        """The model that is written so; `near` is the heading above, where a longer name may stand."""
        name = re.sub(r"\([^)]*\)|[\u0394\u2190-\u21ff*`]", " ", written).strip(" :.")
        name = re.sub(r"\s+", " ", re.sub(r"\s*\+\s*", "-", name))
        parts = parts_of(name)
        if name.lower() == self.recipe or (
            parts and parts <= parts_of(self.card) and not RECIPE.fullmatch(name)
        ):
            self.subject = self.subject or name
            return self.subject
        if parts <= parts_of(self.card) and name.lower() in self.card.lower():
            self.subject = self.subject or name
            return self.subject
        nearby = [long for long in NAME.findall(near) if parts and parts < parts_of(long)]
        if len(nearby) == 1:
            return str(nearby[0]).removesuffix("-mlx")
        holders = [long for long in self._long if parts and parts < parts_of(long) and long != self.card]
        return holders[0] if len(holders) == 1 else name


def is_name(name: str) -> bool:
    return RECIPE.search(name) is not None or UNKNOWN.fullmatch(name) is not None


def recipe_in(card: str) -> str:
    found = RECIPE.findall(card)
    return str(found[-1]).lower() if found else ""


def parts_of(name: str) -> set[str]:
    return {part for part in re.split(r"[-_+ ]+", name.lower()) if part}
