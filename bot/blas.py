"""OpenBLAS before MLX on Linux.

The `mlx-cpu` wheel brings the reference BLAS (about 1.5 GFLOP/s on two cores); a
libopenblas that is already in the process's global symbols is used instead
(about 200 GFLOP/s for float32). So it has to be loaded before `import mlx.core`.
"""

from __future__ import annotations

import ctypes
import os
import sys

LIBRARY = "libopenblas.so.0"
VARIABLE = "BOT_OPENBLAS"
"""A path to another OpenBLAS, or `off` for the BLAS that MLX brings (to measure the difference)."""


def load_openblas() -> bool:
    """Load OpenBLAS into the global symbols; True when it is there. Does nothing off Linux."""
    if not sys.platform.startswith("linux"):
        return False
    library = os.environ.get(VARIABLE) or LIBRARY
    if library == "off":
        return False
    try:
        ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
