"""Every test runs off the real Hub, and on OpenBLAS where the machine has it.

Xet is off, caches are in a folder of their own, and only the loopback is reached unless asked.
"""

from __future__ import annotations

import os
import tempfile

import hypothesis
import pytest

from bot import blas

# Before anything imports mlx: whatever test does so first would bind the slow BLAS for all that follow.
blas.load_openblas()

_SCRATCH = tempfile.mkdtemp(prefix="qx-bot-tests-")

# Before anything imports huggingface_hub, which reads these once.
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HOME", f"{_SCRATCH}/hf")
REAL_HUB_TOKEN = os.environ.pop("HF_TOKEN", None)


@pytest.fixture(scope="session")
def real_hub_token() -> str:
    """The token of whoever asked for `-m real_hub`; kept out of the environment of everything else."""
    if not REAL_HUB_TOKEN:
        pytest.skip("set HF_TOKEN to a token that may write")
    return REAL_HUB_TOKEN


hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")  # a busy machine is no failure
