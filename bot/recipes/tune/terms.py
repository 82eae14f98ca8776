"""On what terms a recipe is tuned: what may vary, within which budget; and the best within it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.card.numbers import size
from bot.errors import UnsuitableBase, UsageError
from bot.recipes.layout import Inventory, Layout, lay
from bot.recipes.recipe import WIDTHS
from bot.recipes.tune import Block, TuneRequest, budget
from bot.recipes.tune.blocks import blocks
from bot.recipes.tune.budget import Budget
from bot.recipes.tune.choose import choose, options
from bot.recipes.tune.compose import composed
from bot.records import Recipe, Record


class Terms(Record, frozen=True, kw_only=True):
    """`like_layout` is what the recipe `like` makes of this base; `blocks` are in file order."""

    name: str
    like: Recipe
    inventory: Inventory
    like_layout: Layout
    blocks: tuple[Block, ...]
    budget: Budget

    def recipe(self, bits: Sequence[int]) -> Recipe:
        return composed(self.name, self.like, self.inventory, self.blocks, bits)

    def layout(self, bits: Sequence[int]) -> Layout:
        return lay(self.recipe(bits), self.inventory)

    def room(self, bits: Sequence[int]) -> int:
        """Bytes that these widths leave of the budget, headers counted; negative where they are over."""
        return self.budget.room(self.layout(bits), self.like_layout)


def terms(request: TuneRequest, inventory: Inventory) -> Terms:
    """Raises UsageError for a budget that is none or too small, UnsuitableBase where nothing can be tuned."""
    held = Terms(
        name=request.name,
        like=request.like,
        inventory=inventory,
        like_layout=lay(request.like, inventory),
        blocks=blocks(inventory, request.like),
        budget=budget.parse(request.budget),
    )
    _refuse_too_little(held, request.budget, [WIDTHS[0]] * len(held.blocks))
    return held


def _refuse_too_little(held: Terms, text: str, narrowest: Sequence[int]) -> None:
    least = held.layout(narrowest)
    if held.budget.room(least, held.like_layout) < 0:
        raise UsageError(
            f"--budget {text}: {held.inventory.base} takes {least.bits_per_weight:.3f} bits per weight, "
            f"{least.bytes} bytes ({size(least.bytes)}), at least: all that is tuned at {min(narrowest)} bits"
        )


def best(held: Terms, text: str, measured: Sequence[Mapping[int, float]]) -> tuple[int, ...]:
    """The widths with the least sum of measured losses that the budget allows, a block each.

    `measured`: of each block what it loses by width; widths that gave no number are not among them.
    """
    for block, losses in zip(held.blocks, measured, strict=True):
        if not losses:
            raise UnsuitableBase(f"{held.inventory.base}: {block.name} gives no number at any width")
    offers = [options(block.bytes, losses) for block, losses in zip(held.blocks, measured, strict=True)]
    narrowest = [min(offer, key=lambda option: option.bytes) for offer in offers]
    least = [option.bits for option in narrowest]
    _refuse_too_little(held, text, least)
    floor, room = sum(option.bytes for option in narrowest), held.room(least)
    while True:
        bits = tuple(option.bits for option in choose(offers, floor + room))
        over = -held.room(bits)
        if over <= 0:
            return bits
        room = max(0, room - over)  # headers grow by a few bytes as more rules are wider
