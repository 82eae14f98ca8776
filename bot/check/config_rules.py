"""Findings about config.json: against the tensors, and against the base's. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bot.check.findings import Expected, Finding, Found, Remark
from bot.check.packing import packed_paths, packing, stated
from bot.check.tensor_rules import columns_of, words
from bot.quantize.model_config import SENSE_KEYS
from bot.safetensors import Tensor

OF_THE_QUANT = (
    "quantization", "quantization_config", "compression_config", "torch_dtype", "dtype",
    "transformers_version", "_name_or_path", "auto_map",
)  # fmt: skip
"""Keys that a quant rightly has otherwise, at every depth, or that have a rule of their own."""

OF_TRAINING = (
    "attention_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "dropout", "hidden_dropout",
    "initializer_range", "initializer_factor", "output_router_logits", "router_aux_loss_coef",
    "aux_loss_alpha", "router_jitter_noise", "pretraining_tp", "use_cache", "output_attentions",
    "output_hidden_states", "return_dict", "torchscript", "unsloth_version", "unsloth_fixed",
    "_attn_implementation", "_attn_implementation_autoset", "problem_type", "id2label", "label2id",
)  # fmt: skip
"""Keys that change no answer of the quant: training, bookkeeping."""

LONGEST = 60
"""Characters of a value that are shown."""


def quantization(expected: Expected, found: Found) -> Iterator[Finding]:
    """config.json's word on each module against the shapes of its tensors."""
    first, second = found.config.get("quantization"), found.config.get("quantization_config")
    tensors = found.tensors
    packed = packed_paths(tensors)
    if first is None and packed:
        text = f"it names no quantization, and {len(packed)} modules are packed"
        yield Finding(kind="config", where="config.json", text=text)
        return
    if first is not None and second is None:
        text = "no quantization_config beside quantization: the Hub shows it as not quantized"
        yield Remark(kind="config", where="config.json", text=text)
    elif first != second:
        yield Finding(kind="config", where="config.json", text="quantization and quantization_config differ")
    widths = columns_of(expected)
    for path in sorted(packed):
        yield from _module(path, widths.get(path), found.config, tensors)
    if not found.broken:
        yield from _not_packed(first, frozenset(packed), tensors)


def _module(
    path: str, columns: int | None, config: dict[str, Any], tensors: dict[str, Tensor]
) -> Iterator[Finding]:
    try:
        said = stated(config, path)
    except ValueError as error:
        yield Finding(kind="config", where=path, text=str(error))
        return
    if said is None:
        yield Finding(kind="config", where=path, text="config.json says it is not packed, and it is")
        return
    scales = tensors[f"{path}.scales"].shape
    groups = scales[-1] if scales else 0
    given = packing(tensors, path, columns or groups * said.group_size)
    if given != said:
        really = words(given) if given else "otherwise"
        text = f"config.json says {words(said)}, its tensors are packed {really}"
        yield Finding(kind="config", where=path, text=text)
    elif columns is None and (said.mode == "affine") != (f"{path}.biases" in tensors):
        yield Finding(kind="config", where=path, text=f"its biases do not fit {words(said)}")


def _not_packed(entries: Any, packed: frozenset[str], tensors: dict[str, Tensor]) -> Iterator[Finding]:
    paths = [
        path
        for path, entry in (entries.items() if isinstance(entries, dict) else ())
        if isinstance(entry, dict) and path not in packed
    ]
    for path in sorted(paths):
        weight = tensors.get(f"{path}.weight")
        if weight is not None and weight.dtype != "U32":
            yield Finding(kind="config", where=path, text="config.json calls it packed, and it is not")
        elif weight is None:
            yield Remark(kind="config", where=path, text="config.json calls it packed, and it is not there")


def changed(expected: Expected, found: Found) -> Iterator[Finding]:
    """Every other value of config.json against the base's."""
    if expected.config is None:
        return
    base = {key: value for key, value in expected.config.items() if not _dropped(key, expected, found)}
    yield from _changes(base, found.config, "", (expected.generation or {}).get("eos_token_id"))


def _dropped(key: str, expected: Expected, found: Found) -> bool:
    """A text-only quant rightly says nothing of the senses."""
    return expected.text_only and key in SENSE_KEYS and key not in found.config


def _changes(
    base: Mapping[str, Any], quant: Mapping[str, Any], place: str, end_ids: object
) -> Iterator[Finding]:
    for key in sorted(base.keys() | quant.keys()):
        if key in OF_THE_QUANT:
            continue
        want, have = _plain(base.get(key)), _plain(quant.get(key))
        if isinstance(want, dict) and isinstance(have, dict):
            yield from _changes(want, have, f"{place}{key}.", end_ids)
        elif not _same(key, want, have) and not (key == "eos_token_id" and have == end_ids):
            yield _change(key, place, base, quant)


def _same(key: str, want: Any, have: Any) -> bool:
    """Null is as good as no entry; the order of `architectures` says nothing."""
    if key == "architectures" and isinstance(want, list) and isinstance(have, list):
        return sorted(map(str, want)) == sorted(map(str, have))
    return bool(want == have)


def _change(key: str, place: str, base: Mapping[str, Any], quant: Mapping[str, Any]) -> Finding:
    where = f"{place}{key}"
    if base.get(key) is None:
        return Remark(kind="changed", where=where, text="config.json says it, and the base's does not")
    said = (
        f"is {_shown(quant[key])} in config.json"
        if quant.get(key) is not None
        else "is gone from config.json"
    )
    kind: type[Finding] = Remark if key in OF_TRAINING else Finding
    return kind(kind="changed", where=where, text=f"{said}, the base says {_shown(base[key])}")


def _plain(value: Any) -> Any:
    """Non-finite floats, written as such or in transformers' tagged form, as text: NaN equals nothing."""
    if isinstance(value, dict) and set(value) == {"__float__"}:
        return str(value["__float__"])
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(_plain(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def generation(expected: Expected, found: Found) -> Iterator[Finding]:
    """How it is sampled by default. Changed end tokens are found where they count, in the tokenizer."""
    base, quant = expected.generation, found.generation
    if base is None or quant is None:
        return
    for key in sorted(base.keys() | quant.keys()):
        if key not in ("transformers_version", "_from_model_config") and base.get(key) != quant.get(key):
            text = f"{_shown(quant.get(key))}, the base says {_shown(base.get(key))}"
            yield Remark(kind="generation", where=f"generation_config.json: {key}", text=text)
