"""What the tests put into repos, and how they read a refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError

CARD = """---
license: apache-2.0
language: [en, no]
library_name: mlx
pipeline_tag: text-generation
base_model: acme/base
base_model_relation: quantized
tags: [mlx]
date: 2024-05-01
---
# A quant
"""


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def model_folder(folder: Path) -> dict[str, bytes]:
    """A folder with a card, a config, two large files (one in a subfolder) and an empty one."""
    files = {
        "README.md": CARD.encode(),
        "config.json": b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}',
        "model.safetensors": os.urandom(200_000),
        "extra/table.parquet": os.urandom(5_000),
        "empty.txt": b"",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files
