"""Tiny bases with random weights, in the files and names their real families have on the Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx_lm import utils as mlx_lm_utils
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from bot.hashes import sha256_of
from bot.records import RepoFile, Snapshot
from bot.rehearsal import export
from bot.rehearsal.architectures import BY_MODEL_TYPE, Architecture

MODEL_TYPES = tuple(BY_MODEL_TYPE)


def random_model(architecture: Architecture, seed: int = 1) -> nn.Module:
    """mlx-lm's model of this architecture, float32, with weights of which no two rows are alike."""
    mx.random.seed(seed)
    config = {key: value for key, value in architecture.config.items() if key != "quantization_config"}
    model_class, args_class = mlx_lm_utils._get_classes(config)
    model: nn.Module = model_class(args_class.from_dict(config))
    mx.eval(model.parameters())
    return model


def byte_tokenizer(architecture: Architecture) -> Tokenizer:
    """One token a byte, then the architecture's own tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(architecture.special_tokens))
    return tokenizer


def write_base(folder: Path, model_type: str, seed: int = 1) -> Path:
    """A whole base repo of that model_type (weights, config, tokenizer, template, license, card)."""
    architecture = BY_MODEL_TYPE[model_type]
    export.write(folder, architecture, random_model(architecture, seed), byte_tokenizer(architecture))
    return folder


def snapshot_of(folder: Path, repo: str = "someone/Tiny", sha: str = "a" * 40) -> Snapshot:
    """The folder as fetch would hand it on (the card and hidden files not among its files)."""
    files = tuple(
        RepoFile(path=path.name, size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != "README.md"
    )
    return Snapshot(repo=repo, sha=sha, path=str(folder), files=files)


def tensors_in(folder: Path) -> dict[str, mx.array]:
    """All tensors of a model folder, as mlx loads them."""
    tensors: dict[str, mx.array] = {}
    for path in folder.glob("*.safetensors"):
        tensors |= cast("dict[str, mx.array]", mx.load(str(path)))
    return tensors


def config_of(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return config
