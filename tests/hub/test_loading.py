"""`datasets` and `mlx_lm`, unmodified, load from the Hub by name. Each in a process with its own HF_HOME."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.hub.process import LoopbackHub
from bot.hub.store import Store

README = b"""---
license: cc-by-sa-4.0
configs:
- config_name: ARC-Easy
  data_files:
  - {split: train, path: ARC-Easy/train-*}
  - {split: test, path: ARC-Easy/test-*}
- config_name: ARC-Challenge
  data_files:
  - {split: test, path: ARC-Challenge/test-*}
---
# Stand-in questions
"""

LOAD_DATASET = """
import datasets, json
easy = datasets.load_dataset("allenai/ai2_arc", "ARC-Easy")
hard = datasets.load_dataset("allenai/ai2_arc", "ARC-Challenge", split="test")
stream = datasets.load_dataset("allenai/ai2_arc", "ARC-Easy", split="test", streaming=True)
print(json.dumps([{k: list(v["n"]) for k, v in easy.items()}, hard["n"][:], [row["n"] for row in stream]]))
"""

MAKE_MODEL = """
import json, sys
from pathlib import Path
import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models.qwen3 import Model, ModelArgs
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

folder = Path(sys.argv[1])
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(["<eos>", *alphabet])}, []))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>").save_pretrained(folder)
config = dict(
    model_type="qwen3", hidden_size=64, num_hidden_layers=2, intermediate_size=64, num_attention_heads=2,
    num_key_value_heads=1, head_dim=32, rms_norm_eps=1e-6, vocab_size=257, max_position_embeddings=128,
    rope_theta=10000.0, tie_word_embeddings=True, eos_token_id=0,
)
(folder / "config.json").write_text(json.dumps(config))
weights = dict(tree_flatten(Model(ModelArgs.from_dict(config)).parameters()))
mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
"""

LOAD_MODEL = """
import json, sys
from mlx_lm import generate, load
model, tokenizer = load("ann/tiny-mlx")
text = generate(model, tokenizer, "hello", max_tokens=4)
print(json.dumps([type(model).__module__, tokenizer.encode("hi"), isinstance(text, str)]))
"""


def parquet(numbers: list[int]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"n": numbers}), buffer)
    return buffer.getvalue()


def run(script: str, *arguments: str, hub: LoopbackHub, home: Path) -> str:
    """The last line a fresh Python prints, talking to the Hub with an empty HF_HOME."""
    env = dict(
        os.environ, HF_ENDPOINT=hub.endpoint, HF_HOME=str(home), HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1", CUDA_VISIBLE_DEVICES="",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=env, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.fail(done.stderr[-3000:])
    return (done.stdout.strip().splitlines() or [""])[-1]


def test_datasets_loads_parquet_by_its_configs(hub: LoopbackHub, tmp_path: Path) -> None:
    """A dataset of Parquet files with `configs:` in its card loads by config and split, also streamed."""
    store = Store(hub.root)
    store.create_repo("dataset", "allenai/ai2_arc")
    files = {
        "ARC-Easy/train-0.parquet": [1, 2],
        "ARC-Easy/test-0.parquet": [3],
        "ARC-Challenge/test-0.parquet": [4, 5],
    }
    store.commit(
        "dataset", "allenai/ai2_arc",
        {"README.md": README, **{path: parquet(numbers) for path, numbers in files.items()}},
    )  # fmt: skip
    loaded = json.loads(run(LOAD_DATASET, hub=hub, home=tmp_path))
    assert loaded == [{"train": [1, 2], "test": [3]}, [4, 5], [3]]


def test_mlx_lm_loads_a_model_by_name(hub: LoopbackHub, tmp_path: Path) -> None:
    """mlx_lm.load("owner/name") fetches the model from the Hub, and it generates."""
    folder = tmp_path / "model"
    folder.mkdir()
    run(MAKE_MODEL, str(folder), hub=hub, home=tmp_path / "maker")
    store = Store(hub.root)
    store.create_repo("model", "ann/tiny-mlx")
    store.commit("model", "ann/tiny-mlx", {path.name: path for path in folder.iterdir()})
    module, tokens, generated = json.loads(run(LOAD_MODEL, hub=hub, home=tmp_path / "reader"))
    assert module == "mlx_lm.models.qwen3"
    assert len(tokens) == 2
    assert generated
