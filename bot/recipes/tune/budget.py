"""A budget as people write it: bits per weight, a size, or what another recipe weighs. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.errors import UsageError
from bot.recipes.layout import Layout
from bot.records import Record
from bot.watch.quantities import Size

LIKE = "like"
MOST_BITS = 32


class Budget(Record, frozen=True, kw_only=True):
    """At most so many `bits` per weight (as `Layout.bits_per_weight` counts), or `bytes` of all files.

    Neither: what the recipe weighs that the tuned one is to be like.
    """

    bits: Decimal | None = None
    bytes: int | None = None

    def limit(self, layout: Layout, like: Layout) -> int:
        """The bytes of files that `layout` may have: with bits per weight, its header comes on top."""
        if self.bits is not None:
            tensors = sum(tensor.nbytes for tensor in layout.tensors.values())
            return int(self.bits * layout.parameters / 8) + layout.bytes - tensors
        return like.bytes if self.bytes is None else self.bytes

    def room(self, layout: Layout, like: Layout) -> int:
        """Bytes by which the layout stays under the budget; negative where it is over."""
        return self.limit(layout, like) - layout.bytes


def parse(text: str) -> Budget:
    """`4.6bpw`, `4.6`, `5.2GB`, `5GiB` or `like`. Raises UsageError for anything else."""
    if text == LIKE:
        return Budget()
    bits = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,6})?) ?(?:bpw)?", text)
    if bits:
        if not 0 < Decimal(bits[1]) <= MOST_BITS:
            raise UsageError(
                f"--budget: {text!r} bits per weight are none a quant could have; 4.6bpw is usual"
            )
        return Budget(bits=Decimal(bits[1]))
    try:
        return Budget(bytes=Size.parse(text))
    except ValueError:
        raise UsageError(
            f"--budget: {text[:60]!r} is no budget; write bits per weight (4.6bpw), a size (5.2GB), or like"
        ) from None


def in_name(text: str) -> str:
    """What a budget adds to a recipe's name: nothing for `like`, else `-4.6bpw` or `-5.2gb`."""
    budget = parse(text)
    if budget.bits is not None:
        return f"-{budget.bits}bpw"
    return "" if budget.bytes is None else f"-{text.replace(' ', '').lower()}"
