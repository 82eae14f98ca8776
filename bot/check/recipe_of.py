"""By which recipe a quant was made: what was asked for, else what its manifest says, else its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from bot.errors import BotError
from bot.recipes.book import Book
from bot.recipes.own import MOST_RULES
from bot.recipes.patterns import mistake
from bot.records import Manifest, Recipe, Record

Source = Literal["option", "manifest", "name", "none"]


class Claimed(Record, frozen=True, kw_only=True):
    """The recipe's name (empty: nothing names one) and who names it.

    `recipe` is None where it cannot be told what it says; `why` then says why.
    """

    name: str = ""
    source: Source = "none"
    recipe: Recipe | None = None
    why: str = "no recipe is named (--recipe names one)"


def claimed(book: Book, option: str | None, manifest: Manifest | None, quant: str) -> Claimed:
    """The recipe of the quant named `quant`. Raises UsageError or ConfigError about the option."""
    if option is not None:
        return Claimed(name=option, source="option", recipe=book.parse(option), why="")
    if manifest is not None:
        return _of_manifest(book, manifest)
    name = recipe_in(quant, book.names)
    return Claimed(name=name, source="name", recipe=book.parse(name), why="") if name else Claimed()


def _of_manifest(book: Book, manifest: Manifest) -> Claimed:
    claim = Claimed(name=manifest.recipe, source="manifest")
    if manifest.rules is not None and _is_sound(manifest.rules, manifest):
        return Claimed(name=claim.name, source=claim.source, recipe=manifest.rules, why="")
    try:
        recipe = book.parse(manifest.recipe)
    except BotError:
        why = f"the recipe {manifest.recipe} of its manifest is not known here"
        return Claimed(name=claim.name, source=claim.source, why=why)
    if recipe.hash != manifest.recipe_hash:
        why = f"{manifest.recipe} said something else when it was made: its manifest has another hash"
        return Claimed(name=claim.name, source=claim.source, why=why)
    return Claimed(name=claim.name, source=claim.source, recipe=recipe, why="")


def _is_sound(rules: Recipe, manifest: Manifest) -> bool:
    """Whether a stranger's manifest holds just the rules that it claims, and patterns that end."""
    return (
        (rules.name, rules.hash) == (manifest.recipe, manifest.recipe_hash)
        and len(rules.rules) <= MOST_RULES
        and not any(mistake(rule.pattern) for rule in rules.rules)
    )


def recipe_in(quant: str, names: Iterable[str]) -> str:
    """Which of the `names` ends a name such as `Qwen3-8B-qx86-hi-mlx`; empty where none does."""
    stem = re.sub(r"-mlx$", "", quant)
    named = [name for name in names if stem.endswith(f"-{name}")] if stem != quant else []
    return max(named, key=len, default="")
