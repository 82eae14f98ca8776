"""Child process: what a base holds, read off mlx-lm's model of it. No weight is evaluated here."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import msgspec
from mlx.utils import tree_flatten
from mlx_lm.models.mla import MultiLinear
from mlx_lm.models.switch_layers import QuantizedSwitchLinear, SwitchLinear

from bot import safetensors
from bot.child import Progress, Report, serve
from bot.errors import UnsuitableBase
from bot.recipes import InventoryRequest, architecture
from bot.recipes.layout import Inventory, Part
from bot.recipes.senses import Sense, kept
from bot.records import Quantization
from bot.safetensors import Tensor

DTYPE_NAMES = {
    mx.float32: "F32", mx.float16: "F16", mx.bfloat16: "BF16", mx.uint32: "U32", mx.uint8: "U8",
    mx.int8: "I8", mx.uint16: "U16", mx.int16: "I16", mx.int32: "I32", mx.uint64: "U64",
    mx.int64: "I64", mx.bool_: "BOOL", mx.complex64: "C64",
}  # fmt: skip

UNCERTAIN = "predicted as if the source were not quantized: its safetensors headers would tell"

PACKABLE = (nn.Linear, nn.Embedding, SwitchLinear, MultiLinear)
"""The modules that MLX and mlx-lm quantize by packing their `weight` and nothing else."""

UNPACKABLE = (nn.QuantizedLinear, nn.QuantizedEmbedding, QuantizedSwitchLinear)
"""The modules that `mlx_lm.utils.dequantize_model` turns into floats."""


def read(request: InventoryRequest, report: Report) -> Inventory:
    """The inventory of a base of which only config.json (and headers) are known.

    Raises UnsuitableBase where mlx-lm cannot build it.
    """
    report(Progress(stage="plan", what=request.base, done=0, total=1, unit="bases"))
    config = architecture.read_config(request.config, request.base)
    if request.tensors:
        with tempfile.TemporaryDirectory(prefix="qx-bot-headers-") as folder:
            _phantom(Path(folder), request)
            model, config = architecture.load(Path(folder), request.base)
        senses = {} if request.text_only else kept(config, request.tensors)
        return inventory(model, config, request.base, senses)
    model = architecture.build(config, request.base)
    uncertain = architecture.quantize_like_source(model, config)
    architecture.cast(model, _source_dtype(request, config))
    found = inventory(model, config, request.base, {})
    return msgspec.structs.replace(found, notes=(UNCERTAIN,)) if uncertain else found


def _phantom(folder: Path, request: InventoryRequest) -> None:
    """A model folder whose one safetensors file is all hole: a real header over data that takes no space.

    mlx-lm loads it as it loads the base; only the values, which an inventory never reads, are missing.
    """
    (folder / "config.json").write_text(request.config, "utf-8")
    header = safetensors.header_bytes(request.tensors)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + sum(tensor.nbytes for tensor in request.tensors.values()))


def _source_dtype(request: InventoryRequest, config: dict[str, Any]) -> str:
    text = config.get("text_config")
    stated = (config, text if isinstance(text, dict) else {})
    said = (request.dtype, *(part.get(key) for part in stated for key in ("torch_dtype", "dtype")))
    dtype = next((value for value in said if value), "bfloat16")
    if dtype not in architecture.DTYPES:
        raise UnsuitableBase(
            f"{request.base}: its weights are stored as {str(dtype)[:40]!r}, which MLX has not"
        )
    return str(dtype)


def inventory(model: nn.Module, config: dict[str, Any], base: str, senses: Mapping[str, Sense]) -> Inventory:
    """The parts of a model whose weights are lazy, and what stands beside it: the base's `senses`.

    `base` is its name for messages.
    """
    modules = dict(architecture.leaf_modules(model))
    allowed = getattr(model, "cast_predicate", lambda _: True)
    parts: dict[str, Part] = {}
    for name, value in tree_flatten(model.parameters()):
        path = name.rpartition(".")[0]
        module = modules.get(path)
        stored = _stored(module)
        whole = stored is not None or _packs(module)
        part = parts.setdefault(
            path if whole else name,
            Part(path=path, tensors={}, packs=whole and _packs(module), stored=stored),
        )
        part.tensors[name] = described(value)
        if not allowed(name):
            part.exact.append(name)
    for name, sense in senses.items():
        parts[name] = Part(path=name.rpartition(".")[0], tensors={name: sense.tensor})
    return Inventory(
        base=base,
        model_type=str(config.get("model_type")),
        parts=tuple(parts.values()),
        dtype=architecture.target_dtype(config),
        tied=architecture.is_tied(model),
        text_only=not senses and architecture.loses_senses(model, config),
    )


def described(value: mx.array) -> Tensor:
    """An array's dtype and shape, as a safetensors header has them."""
    return Tensor(dtype=DTYPE_NAMES[value.dtype], shape=tuple(value.shape))


def _stored(module: Any) -> Quantization | None:
    """How the source stores this module, when it brought it quantized."""
    if not hasattr(module, "bits") or "scales" not in module:
        return None
    return Quantization(
        bits=module.bits, group_size=module.group_size, mode=getattr(module, "mode", "affine")
    )


def _packs(module: nn.Module | None) -> bool:
    return type(module) in (*PACKABLE, *UNPACKABLE)


if __name__ == "__main__":
    serve(read, InventoryRequest)
