"""The conformance check finds each way in which a model folder can be wrong."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from bot.quantize.conformance import Expected, Found, Tokens, violations
from bot.safetensors import Tensor

PACKED = {
    "lm_head.weight": Tensor(dtype="U32", shape=(10, 16)),
    "lm_head.scales": Tensor(dtype="BF16", shape=(10, 1)),
    "lm_head.biases": Tensor(dtype="BF16", shape=(10, 1)),
    "norm.weight": Tensor(dtype="BF16", shape=(64,)),
}
QUANTIZATION: dict[str, Any] = {
    "group_size": 64, "bits": 8, "mode": "affine",
    "lm_head": {"group_size": 64, "bits": 8, "mode": "affine"},
}  # fmt: skip
TOKENS = Tokens(ids=((1, 2),), chats=("<user>hi",), end_ids=(7,))
EXPECTED = Expected(
    tensors=PACKED,
    quantization=QUANTIZATION,
    bits_per_weight=sum(tensor.nbytes for tensor in PACKED.values()) * 8 / (640 + 64),
    base_files=("config.json", "LICENSE.md", "generation_config.json", "README.md"),
    tokens=TOKENS,
)
FOUND = Found(
    shards={"model.safetensors": PACKED},
    weight_map=dict.fromkeys(PACKED, "model.safetensors"),
    config={"quantization": QUANTIZATION, "quantization_config": QUANTIZATION},
    files=("LICENSE.md", "config.json", "generation_config.json", "model.safetensors"),
    tokens=TOKENS,
)


def without(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def stated(**changes: Any) -> dict[str, Any]:
    changed = {**QUANTIZATION, "lm_head": {**QUANTIZATION["lm_head"], **changes}}
    return {"quantization": changed, "quantization_config": changed}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a tensor gone": (
        {"shards": {"model.safetensors": without(PACKED, "norm.weight")}},
        "norm.weight is missing",
    ),
    "a tensor too many": (
        {"shards": {"model.safetensors": PACKED | {"visual": PACKED["norm.weight"]}}},
        "visual is not the model's",
    ),
    "a wrong shape": (
        {"shards": {"model.safetensors": PACKED | {"norm.weight": Tensor(dtype="BF16", shape=(65,))}}},
        r"norm.weight is BF16 \[65\] instead of BF16 \[64\]",
    ),
    "a stale shard": (
        {"shards": {"model.safetensors": PACKED, "model-00002-of-00002.safetensors": {}}},
        "model-00002-of-00002.safetensors is in no index",
    ),
    "a missing shard": (
        {"weight_map": {**FOUND.weight_map, "norm.weight": "gone.safetensors"}},
        "gone.safetensors is in the index and not there",
    ),
    "a tensor twice": (
        {"shards": {"model.safetensors": PACKED, "b.safetensors": {"norm.weight": PACKED["norm.weight"]}}},
        "in two shards",
    ),
    "an index that lacks a tensor": (
        {"weight_map": without(FOUND.weight_map, "norm.weight")},
        "does not say where",
    ),
    "no word of quantization": ({"config": {}}, "says nothing of the quantized lm_head"),
    "too few bits stated": ({"config": stated(bits=4)}, "tensors of lm_head disagree"),
    "another mode stated": ({"config": stated(mode="mxfp8")}, "tensors of lm_head disagree"),
    "two configs": ({"config": {**FOUND.config, "quantization_config": {}}}, "differ"),
    "other widths than the recipe's": (
        {"config": {key: {**QUANTIZATION, "bits": 4} for key in FOUND.config}},
        "not what the recipe gives",
    ),
    "no license": ({"files": ("generation_config.json",)}, "LICENSE.md of the base is missing"),
    "no generation config": ({"files": ("LICENSE.md",)}, "generation_config.json of the base is missing"),
    "code": ({"files": (*FOUND.files, "modeling.py")}, "modeling.py is code"),
    "other token ids": ({"tokens": msgspec.structs.replace(TOKENS, ids=((1, 3),))}, "token ids differ"),
    "another chat template": (
        {"tokens": msgspec.structs.replace(TOKENS, chats=("hi",))},
        "chat template differ",
    ),
    "other end tokens": ({"tokens": msgspec.structs.replace(TOKENS, end_ids=())}, "end tokens differ"),
}


def test_a_folder_as_it_should_be_has_no_violation() -> None:
    """The check is silent where nothing is wrong."""
    assert violations(EXPECTED, FOUND) == ()


@pytest.mark.parametrize("what", WRONG)
def test_each_kind_of_damage_is_found(what: str) -> None:
    """Every single damage is named in a sentence of its own."""
    changes, complaint = WRONG[what]
    said = violations(EXPECTED, msgspec.structs.replace(FOUND, **changes))
    assert any(re.search(complaint, sentence) for sentence in said), said


def test_bits_per_weight_off_the_prediction_are_found() -> None:
    """A quant that weighs more than its recipe gives on this base was not made by that recipe."""
    said = violations(msgspec.structs.replace(EXPECTED, bits_per_weight=4.5), FOUND)
    assert any("the recipe gives 4.5" in sentence for sentence in said)
