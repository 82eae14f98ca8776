"""Every test runs off the real Hub: xet off, caches in a folder of its own, loopback only unless asked."""

from __future__ import annotations

import os
import tempfile

import hypothesis
import pytest

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
