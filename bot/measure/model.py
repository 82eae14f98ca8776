"""A model folder brought into memory for measuring.

On the CPU, MLX refuses bfloat16 in GatherMM (so no bf16 mixture of experts runs there) and
is slow with it elsewhere: floating parameters, the scales of affine quantization among them,
are cast to float32, which changes no weight. On Metal a model keeps its own dtype.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx_lm
from mlx.utils import tree_flatten, tree_unflatten

from bot.errors import BotError, UnsuitableBase, VerificationFailed
from bot.hashes import sha256_of
from bot.measure import device

IDENTIFYING = (".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken")
LEDGER = "qx_manifest.json"


def identity(folder: Path) -> str:
    """SHA-256 over weights, config and tokenizer: names and contents of the files that decide a number."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.endswith(IDENTIFYING) or name == LEDGER or name.startswith("."):
            continue
        total.update(f"{name}\0{sha256_of(path)}\n".encode())
    return total.hexdigest()


def load(path: Path) -> tuple[nn.Module, Any, dict[str, Any]]:
    """The model ready to compute, its tokenizer (mlx_lm's wrapper) and its config.

    Raises UnsuitableBase for an architecture mlx-lm does not know, VerificationFailed for a folder
    that does not load.
    """
    try:
        model, tokenizer, config = mlx_lm.load(str(path), return_config=True, lazy=True)
        if device.on_cpu():
            compute_in_float32(model)
        mx.eval(model.parameters())
    except (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError) as error:
        raise does_not_load(path, error) from error
    return model, tokenizer, config


def does_not_load(path: Path, error: Exception) -> BotError:
    """What an exception of loading means: UnsuitableBase or VerificationFailed, in one sentence."""
    reason = " ".join(str(error).split())[:200]
    if isinstance(error, ValueError) and "not supported" in reason:
        return UnsuitableBase(f"mlx-lm cannot run {path.name}: {reason} Update mlx-lm or take another base")
    return VerificationFailed(
        f"{path.name} does not load ({reason}): its files are incomplete or broken, "
        "fetch or quantize it again"
    )


class _Float32Embedding(nn.Module):  # type: ignore[misc]  # mlx has no types
    """An embedding quantized in a floating-point mode: MLX answers in bfloat16, the rest is float32."""

    def __init__(self, inner: nn.QuantizedEmbedding) -> None:
        super().__init__()
        self.inner = inner

    def __call__(self, tokens: mx.array) -> mx.array:
        embedded: mx.array = self.inner(tokens).astype(mx.float32)
        return embedded

    def as_linear(self, x: mx.array) -> mx.array:
        logits: mx.array = self.inner.as_linear(x)
        return logits


def compute_in_float32(model: nn.Module) -> None:
    """Cast floating parameters to float32, in place; packed weights stay packed."""
    model.set_dtype(mx.float32)
    answering_bfloat16 = [
        (name, _Float32Embedding(module))
        for name, module in model.named_modules()
        if isinstance(module, nn.QuantizedEmbedding) and module.mode != "affine"
    ]
    if answering_bfloat16:
        model.update_modules(tree_unflatten(answering_bfloat16))


def unwrap_embeddings(model: nn.Module) -> None:
    """Take back what `compute_in_float32` put around embeddings, in place, before they are dequantized."""
    wrapped = [(n, m.inner) for n, m in model.named_modules() if isinstance(m, _Float32Embedding)]
    if wrapped:
        model.update_modules(tree_unflatten(wrapped))


def compute_dtype(model: nn.Module) -> str:
    """The floating dtype that most parameters have, such as "float32" or "bfloat16"."""
    sizes: dict[str, int] = {}
    for _, parameter in tree_flatten(model.parameters()):
        if mx.issubdtype(parameter.dtype, mx.floating):
            name = str(parameter.dtype).removeprefix("mlx.core.")
            sizes[name] = sizes.get(name, 0) + parameter.size
    return max(sizes, key=lambda name: sizes[name])
