"""Is a model folder what it should be? Pure over headers, config, index and file names.

Made to hold for anybody's quant: `Expected` says what the recipe gives on the base, `Found` what a
folder holds, `violations` every difference in a sentence.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from bot.records import Record
from bot.safetensors import Tensor


class Tokens(Record, frozen=True, kw_only=True):
    """What a tokenizer makes of the fixed set: token ids of each text, the rendered chats, the end tokens."""

    ids: tuple[tuple[int, ...], ...]
    chats: tuple[str, ...] = ()
    end_ids: tuple[int, ...] = ()


class Expected(Record, frozen=True, kw_only=True):
    """What the folder should hold, by the recipe and by the base."""

    tensors: dict[str, Tensor]
    quantization: dict[str, Any]
    bits_per_weight: float
    base_files: tuple[str, ...]
    tokens: Tokens


class Found(Record, frozen=True, kw_only=True):
    """What the folder holds: headers by file, the index's weight_map, config.json, all file names, tokens."""

    shards: dict[str, dict[str, Tensor]]
    weight_map: dict[str, str]
    config: dict[str, Any]
    files: tuple[str, ...]
    tokens: Tokens


def violations(expected: Expected, found: Found) -> tuple[str, ...]:
    """Every way in which `found` is not `expected`; empty when the folder conforms."""
    return (
        *_inventory(expected, found),
        *_shards(found),
        *_config(expected, found),
        *_bits(expected, found),
        *_files(expected, found),
        *_tokens(expected, found),
    )


def _tensors(found: Found) -> dict[str, Tensor]:
    return {name: tensor for shard in found.shards.values() for name, tensor in shard.items()}


def _inventory(expected: Expected, found: Found) -> list[str]:
    tensors = _tensors(found)
    said = [f"tensor {name} is missing" for name in expected.tensors.keys() - tensors.keys()]
    said += [f"tensor {name} is not the model's" for name in tensors.keys() - expected.tensors.keys()]
    for name in expected.tensors.keys() & tensors.keys():
        want, have = expected.tensors[name], tensors[name]
        if want != have:
            said.append(f"tensor {name} is {_words(have)} instead of {_words(want)}")
    return sorted(said)


def _words(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


def _shards(found: Found) -> list[str]:
    where = {name: file for file, tensors in found.shards.items() for name in tensors}
    named = set(found.weight_map.values())
    said = [f"shard {file} is in no index" for file in sorted(found.shards.keys() - named)]
    said += [f"shard {file} is in the index and not there" for file in sorted(named - found.shards.keys())]
    if len(where) != sum(len(tensors) for tensors in found.shards.values()):
        said.append("a tensor stands in two shards")
    if not said and where != found.weight_map:
        said.append("the index does not say where the tensors are")
    return said


def _config(expected: Expected, found: Found) -> list[str]:
    said = []
    stated = found.config.get("quantization") or {}
    if stated != (found.config.get("quantization_config") or {}):
        said.append("config.json's quantization and quantization_config differ")
    if stated != expected.quantization:
        said.append("config.json's quantization is not what the recipe gives")
    tensors = _tensors(found)
    packed = {name.removesuffix(".scales") for name in tensors if name.endswith(".scales")}
    entries = {path: entry for path, entry in stated.items() if isinstance(entry, dict)}
    said += [f"config.json says nothing of the quantized {path}" for path in sorted(packed - entries.keys())]
    said += [f"config.json calls {path} quantized and it is not" for path in sorted(entries.keys() - packed)]
    said += [
        f"config.json and the tensors of {path} disagree"
        for path in sorted(packed & entries.keys())
        if not _agrees(entries[path], path, tensors)
    ]
    return said


def _agrees(entry: dict[str, Any], path: str, tensors: dict[str, Tensor]) -> bool:
    """Packed columns * 32 / bits = scales * group size; only affine has biases and float scales."""
    weight, scales = tensors.get(f"{path}.weight"), tensors[f"{path}.scales"]
    if weight is None or not weight.shape or not scales.shape:
        return False
    affine = entry.get("mode", "affine") == "affine"
    fits = weight.shape[-1] * 32 == scales.shape[-1] * entry.get("group_size", 0) * entry.get("bits", 0)
    return bool(fits) and affine == (f"{path}.biases" in tensors) == (scales.dtype != "U8")


def _bits(expected: Expected, found: Found) -> list[str]:
    """Parameters as packed widths tell, against the prediction made before anything was written."""
    tensors = _tensors(found)
    entries = found.config.get("quantization") or {}
    parameters = 0
    for name, tensor in tensors.items():
        path, _, kind = name.rpartition(".")
        size = math.prod(tensor.shape)
        if not isinstance(entries.get(path), dict):
            parameters += size
        elif kind == "weight":
            parameters += size * 32 // entries[path]["bits"]
        elif kind == "bias":
            parameters += size
    bits = sum(tensor.nbytes for tensor in tensors.values()) * 8 / max(parameters, 1)
    if abs(bits - expected.bits_per_weight) > 0.001 * expected.bits_per_weight:
        return [f"it has {bits:.4f} bits per weight and the recipe gives {expected.bits_per_weight:.4f}"]
    return []


def _files(expected: Expected, found: Found) -> list[str]:
    kept = [
        path
        for path in expected.base_files
        if path.upper().startswith(("LICENSE", "LICENCE")) or path == "generation_config.json"
    ]
    said = [f"{path} of the base is missing" for path in kept if path not in found.files]
    said += [f"{path} is code" for path in found.files if path.endswith(".py")]
    return said


def _tokens(expected: Expected, found: Found) -> list[str]:
    want, have = msgspec.structs.asdict(expected.tokens), msgspec.structs.asdict(found.tokens)
    said = {"ids": "token ids", "chats": "the rendered chat template", "end_ids": "the end tokens"}
    return [f"{said[key]} differ from the base's" for key in want if want[key] != have[key]]
