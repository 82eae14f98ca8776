"""OpenBLAS before MLX on Linux.

The `mlx-cpu` wheel brings the reference BLAS (about 1.5 GFLOP/s on two cores); a
libopenblas that is already in the process's global symbols is used instead
(about 200 GFLOP/s for float32). So it has to be loaded before `import mlx.core`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

LIBRARY = "libopenblas.so.0"
_ONLY_IF_LOADED = getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_NOW", 0)

VARIABLE = "BOT_OPENBLAS"
"""A path to another OpenBLAS, or `off` for the BLAS that MLX brings (to measure the difference)."""


@contextlib.contextmanager
def one_thread_a_call() -> Iterator[None]:
    """Inside the block OpenBLAS computes a product on the thread that asks: the work is parallel itself.

    Does nothing where no OpenBLAS is loaded.
    """
    try:
        library = ctypes.CDLL(os.environ.get(VARIABLE) or LIBRARY, _ONLY_IF_LOADED)
        threads = library.openblas_get_num_threads()
    except (OSError, AttributeError, TypeError):
        yield
        return
    library.openblas_set_num_threads(1)
    try:
        yield
    finally:
        library.openblas_set_num_threads(threads)


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
