"""Which Macs a model fits: Metal's working set counts, not the memory printed on the box.

The working set is `max_recommended_working_set_size` of `mlx.core.device_info()`
(Metal's `recommendedMaxWorkingSetSize`) with macOS's default limit. The values are
those that owners of such Macs report from that call and from llama.cpp's start-up
log (which counts in 10**6 bytes) on macOS 26; earlier releases give less, two
thirds to three quarters of the memory. Sizes for which no report was found are left out.
"""

from __future__ import annotations

WORKING_SETS: tuple[tuple[int, int], ...] = (
    (16, 12_713_120_000),
    (24, 19_069_670_000),
    (32, 26_800_600_000),
    (36, 30_150_670_000),
    (48, 40_200_896_512),
    (64, 55_662_788_608),
    (128, 115_448_730_000),
    (256, 223_338_299_392),
    (512, 498_216_206_336),
)
"""(memory of the Mac in GB, its Metal working set in bytes), ascending."""

FILL = 0.9
"""Share of the working set that weights may take: mlx-lm warns above it (`mlx_lm.generate.wired_limit`)."""


def smallest_mac(weight_bytes: int) -> int | None:
    """Memory in GB of the smallest Mac whose working set holds the weights with room for the context.

    None when no Mac in the table does.
    """
    return next((memory for memory, limit in WORKING_SETS if weight_bytes <= FILL * limit), None)


def fits(weight_bytes: int) -> str:
    """`32 GB and up`, or that no single Mac fits."""
    memory = smallest_mac(weight_bytes)
    return f"{memory} GB and up" if memory else "no single Mac"
