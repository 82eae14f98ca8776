"""Which Macs a model fits: Metal's working set counts, not the memory printed on the box.

The working sets and where they are known from stand in `bot/recipes/mac/working_sets.yaml`.
"""

from __future__ import annotations

from bot.recipes.mac.memory import FILL, table


def smallest_mac(weight_bytes: int) -> int | None:
    """Memory in GB of the smallest Mac whose working set holds the weights with room for the context.

    None when no Mac in the table does.
    """
    return next((row.memory for row in table().rows if weight_bytes <= FILL * row.bytes), None)


def fits(weight_bytes: int) -> str:
    """`32 GB and up`, or that no single Mac fits."""
    memory = smallest_mac(weight_bytes)
    return f"{memory} GB and up" if memory else "no single Mac"
