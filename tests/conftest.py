"""Every test runs off the real Hub: xet off, caches in a folder of its own, loopback only unless asked."""

from __future__ import annotations

import os
import tempfile

_SCRATCH = tempfile.mkdtemp(prefix="qx-bot-tests-")

# Before anything imports huggingface_hub, which reads these once.
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HOME", os.path.join(_SCRATCH, "hf"))
os.environ.pop("HF_TOKEN", None)
