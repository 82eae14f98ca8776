"""A model folder brought into memory for measuring.

On the CPU, MLX refuses bfloat16 in GatherMM (so no bf16 mixture of experts runs there) and
is slow with it elsewhere: floating parameters, the scales of affine quantization among them,
are cast to float32, which changes no weight. On Metal a model keeps its own dtype.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx_lm
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.utils import dequantize_model

from bot.errors import BotError, UnsuitableBase, VerificationFailed
from bot.hashes import sha256_of
from bot.measure import device

IDENTIFYING = (".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken")
LEDGER = "qx_manifest.json"

PAYS = 2.0
"""How many times faster a plain matmul must be before weights are dequantized for it."""


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


def prepare_for_likelihood(model: nn.Module) -> bool:
    """Dequantize the weights once, in place, where that is faster and fits; True when it was done.

    The values computed with are those of the quantized weights: only where they are unpacked changes.
    """
    if not any(hasattr(module, "bits") for _, module in model.named_modules()):
        return False
    if _unpacked_bytes(model) > device.usable_memory() / 2 or not _dequantizing_pays(model):
        return False
    dtype = getattr(mx, compute_dtype(model))
    unwrap_embeddings(model)
    dequantize_model(model)
    model.set_dtype(dtype)
    mx.eval(model.parameters())
    return True


def _unpacked_bytes(model: nn.Module) -> int:
    return 4 * int(mlx_lm.utils.get_total_parameters(model))


def _dequantizing_pays(model: nn.Module) -> bool:
    """Measured on this machine: a plain matmul against a quantized one, 256 tokens by 1024 x 1024."""
    dtype = getattr(mx, compute_dtype(model))
    x = mx.ones((256, 1024), dtype)
    plain = mx.ones((1024, 1024), dtype)
    packed = mx.quantize(plain, group_size=64, bits=4)
    mx.eval(x, plain, packed)
    quantized = _seconds(lambda: mx.quantized_matmul(x, *packed, group_size=64, bits=4))
    return quantized > PAYS * _seconds(lambda: x @ plain.T)


def _seconds(compute: Callable[[], mx.array]) -> float:
    """The faster of two runs after one to warm up."""
    mx.eval(compute())
    runs = []
    for _ in range(2):
        start = time.perf_counter()
        mx.eval(compute())
        runs.append(time.perf_counter() - start)
    return min(runs)
