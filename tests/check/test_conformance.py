"""The conformance check finds each way in which a quant can be wrong, and says nothing of one that is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.conformance import findings, remarks, violations
from bot.check.findings import Expected, Found, Kind, Metadata, Tokens
from bot.check.tensor_rules import bits_per_weight
from bot.recipes.layout import packed
from bot.records import Quantization
from bot.safetensors import Tensor

NORM = Tensor(dtype="BF16", shape=(64,))
TENSORS = {
    "lm_head.weight": Tensor(dtype="U32", shape=(10, 16)),
    "lm_head.scales": Tensor(dtype="BF16", shape=(10, 1)),
    "lm_head.biases": Tensor(dtype="BF16", shape=(10, 1)),
    "mlp.gate.weight": Tensor(dtype="BF16", shape=(8, 64)),
    "norm.weight": NORM,
}
SIGHT = {"vision_tower.proj.weight": Tensor(dtype="BF16", shape=(8, 8))}
QUANTIZATION: dict[str, Any] = {
    "group_size": 64, "bits": 8, "mode": "affine",
    "lm_head": {"group_size": 64, "bits": 8, "mode": "affine"},
}  # fmt: skip
SIX_BITS = packed(Tensor(dtype="BF16", shape=(10, 64)), Quantization(bits=6, group_size=64))
CONFIG: dict[str, Any] = {
    "architectures": ["A", "B"], "hidden_size": 64, "rope_scaling": {"factor": 2.0}, "eos_token_id": 7,
    "attention_dropout": 0.0, "time_step_limit": [0.0, float("inf")],
}  # fmt: skip
TOKENS = Tokens(ids=((1, 2), (3,)), chats=("<user>hello",), end_ids=(7,))
FILE = "model.safetensors"
EXPECTED = Expected(
    tensors=TENSORS,
    quantization=QUANTIZATION,
    bits_per_weight=sum(tensor.nbytes for tensor in TENSORS.values()) * 8 / (640 + 512 + 64),
    base_files=("config.json", "LICENSE.md", "generation_config.json", "README.md"),
    tokens=TOKENS,
    recipe="q8",
    config={**CONFIG, "torch_dtype": "bfloat16", "auto_map": {"AutoModel": "modeling.A"}},
    generation={"temperature": 0.6, "eos_token_id": [7, 8]},
    card=Metadata(license="mit"),
    repo="someone/Tiny",
)
FOUND = Found(
    shards={FILE: TENSORS},
    formats={FILE: "mlx"},
    weight_map=dict.fromkeys(TENSORS, FILE),
    config={**CONFIG, "quantization": QUANTIZATION, "quantization_config": QUANTIZATION},
    files=("LICENSE.md", "README.md", "config.json", "generation_config.json", FILE),
    tokens=TOKENS,
    generation={"temperature": 0.6, "eos_token_id": [7, 8]},
    card=Metadata(license="mit", bases=("Someone/tiny",)),
    name="Tiny-q8-mlx",
)
OTHERS = msgspec.structs.replace(EXPECTED, by_others=True)
SEEING = msgspec.structs.replace(
    EXPECTED, tensors=TENSORS | SIGHT, senses=frozenset(SIGHT), sees=True, bits_per_weight=None
)
ALONE = msgspec.structs.replace(EXPECTED, tensors=None, quantization={}, bits_per_weight=None, recipe="")

Table = dict[str, Any]


def without(table: Table, *names: str) -> Table:
    return {key: value for key, value in table.items() if key not in names}


def holding(tensors: Table) -> Table:
    """One file with these tensors, and an index that fits."""
    return {"shards": {FILE: tensors}, "weight_map": dict.fromkeys(tensors, FILE)}


def floats(dtype: str, *names: str) -> Table:
    """The tensors with the floats among them (or only `names`) of another type."""
    return {
        name: msgspec.structs.replace(tensor, dtype=dtype)
        if tensor.dtype == "BF16" and name in (names or TENSORS)
        else tensor
        for name, tensor in TENSORS.items()
    }


def saying(quantization: Any) -> Table:
    return {"config": FOUND.config | {"quantization": quantization, "quantization_config": quantization}}


def stating(**changes: Any) -> Table:
    return saying({**QUANTIZATION, "lm_head": {**QUANTIZATION["lm_head"], **changes}})


def tokens(**changes: Any) -> Table:
    return {"tokens": msgspec.structs.replace(TOKENS, **changes)}


def card(**changes: Any) -> Table:
    assert FOUND.card
    return {"card": msgspec.structs.replace(FOUND.card, **changes)}


SIX = without(TENSORS, *(f"lm_head.{kind}" for kind in SIX_BITS)) | {
    f"lm_head.{kind}": tensor for kind, tensor in SIX_BITS.items()
}
UNPACKED = without(TENSORS, "lm_head.scales", "lm_head.biases") | {
    "lm_head.weight": Tensor(dtype="BF16", shape=(10, 64))
}

WRONG: dict[str, tuple[Table, Kind, str]] = {
    "a broken file": ({"corrupt": {FILE: "is truncated"}, "shards": {}}, "corrupt", "it is truncated"),
    "a broken index": ({"corrupt": {"model.safetensors.index.json": "is no valid JSON"}}, "corrupt", "JSON"),
    "a stale shard": (
        {"shards": {FILE: TENSORS, "model-00002-of-00002.safetensors": {}}},
        "stale",
        "model-00002-of-00002.safetensors: no index names it",
    ),
    "a missing shard": (
        {"weight_map": {**dict.fromkeys(TENSORS, FILE), "norm.weight": "model-2.safetensors"}},
        "index",
        "model-2.safetensors: the index names it and it is not there",
    ),
    "an index without a tensor": (
        {"weight_map": dict.fromkeys(without(TENSORS, "norm.weight"), FILE)},
        "index",
        "norm.weight: model.safetensors has it and the index does not say so",
    ),
    "an index with a tensor too many": (
        {"weight_map": dict.fromkeys([*TENSORS, "more.weight"], FILE)},
        "index",
        "more.weight: model.safetensors should have it",
    ),
    "a file that mlx-lm passes over": (
        {"shards": {"part.safetensors": TENSORS}, "weight_map": dict.fromkeys(TENSORS, "part.safetensors")},
        "index",
        "part.safetensors: the index names it and mlx-lm loads only",
    ),
    "no format": ({"formats": {FILE: ""}}, "format", "names no format"),
    "PyTorch's format": ({"formats": {FILE: "pt"}}, "format", "format: pt, it should say mlx"),
    "a tensor gone": (holding(without(TENSORS, "norm.weight")), "missing", "norm.weight"),
    "scales gone": (holding(without(TENSORS, "lm_head.scales")), "missing", "lm_head.scales"),
    "biases gone": (holding(without(TENSORS, "lm_head.biases")), "missing", "lm_head.biases"),
    "a tensor too many": (holding(TENSORS | {"visual": NORM}), "extra", "visual: the base has no such"),
    "a tensor twice": (
        {"shards": {FILE: TENSORS, "model-b.safetensors": {"norm.weight": NORM}}},
        "extra",
        "norm.weight: it stands in two files",
    ),
    "a wrong shape": (
        holding(TENSORS | {"norm.weight": Tensor(dtype="BF16", shape=(65,))}),
        "shape",
        "norm.weight: BF16 [65] instead of BF16 [64]",
    ),
    "too few rows": (
        holding(TENSORS | {"lm_head.weight": Tensor(dtype="U32", shape=(9, 16))}),
        "shape",
        "lm_head.weight: U32 [9, 16] instead of U32 [10, 16]",
    ),
    "another float type": (holding(floats("F32", "norm.weight")), "dtype", "norm.weight: F32"),
    "fewer bits than the recipe's": (
        holding(SIX) | stating(bits=6),
        "recipe",
        "lm_head: 6 bits, group size 64 where q8 gives 8 bits, group size 64",
    ),
    "floats instead of bits": (
        holding(UNPACKED) | saying({**without(QUANTIZATION, "lm_head"), "lm_head": False}),
        "recipe",
        "lm_head: floats where q8 gives",
    ),
    "fewer bits per weight": (holding(SIX) | stating(bits=6), "bits", "and q8 gives 12.05"),
    "what mlx-lm cannot load": ({"refusal": "no such rope"}, "loading", "no such rope"),
    "no word of quantization": (
        {"config": without(FOUND.config, "quantization", "quantization_config")},
        "config",
        "names no quantization, and 1 modules are packed",
    ),
    "too few bits stated": (
        stating(bits=4),
        "config",
        "says 4 bits, group size 64, its tensors are packed 8",
    ),
    "half of both stated": (stating(bits=4, group_size=32), "config", "says 4 bits, group size 32"),
    "another mode stated": (
        stating(mode="mxfp8", group_size=32),
        "config",
        "lm_head: config.json says mxfp8",
    ),
    "a module denied": (
        saying({**QUANTIZATION, "lm_head": False}),
        "config",
        "says it is not packed, and it is",
    ),
    "a module claimed": (
        saying({**QUANTIZATION, "mlp.gate": {"group_size": 64, "bits": 8}}),
        "config",
        "mlp.gate: config.json calls it packed, and it is not",
    ),
    "nonsense stated": (stating(bits="many"), "config", "lm_head: config.json's quantization of it is none"),
    "no table stated": (saying([4]), "config", "quantization is no table"),
    "two words": ({"config": FOUND.config | {"quantization_config": {}}}, "config", "differ"),
    "another value": ({"config": FOUND.config | {"hidden_size": 65}}, "changed", "hidden_size: is 65"),
    "another value inside": (
        {"config": FOUND.config | {"rope_scaling": {"factor": 4.0}}},
        "changed",
        "rope_scaling.factor: is 4.0 in config.json, the base says 2.0",
    ),
    "a value gone": (
        {"config": without(FOUND.config, "rope_scaling")},
        "changed",
        "rope_scaling: is gone from config.json",
    ),
    "another architecture": ({"config": FOUND.config | {"architectures": ["A"]}}, "changed", "architectures"),
    "another end token": ({"config": FOUND.config | {"eos_token_id": 9}}, "changed", "eos_token_id: is 9"),
    "other token ids": (tokens(ids=((1, 3), (3,))), "tokens", "1 of 2 fixed texts become other token ids"),
    "no tokenizer": ({"tokens": None, "refused_tokens": "no vocabulary"}, "tokens", "no vocabulary"),
    "another chat template": (
        tokens(chats=("<user>help",)),
        "template",
        "rendered otherwise from character 9 on: 'p' instead of 'lo'",
    ),
    "no chat template": (tokens(chats=()), "template", "the base's chat template is missing"),
    "other end tokens": (tokens(end_ids=()), "end_tokens", "ends at the tokens (none), the base's at 7"),
    "no license": (
        {"files": ("generation_config.json",)} | card(license=""),
        "license",
        "LICENSE.md: the base",
    ),
    "another license": (
        card(license="apache-2.0"),
        "license",
        "names the license apache-2.0, the base's is mit",
    ),
    "an unnamed license": (card(license=""), "license", "README.md: it names no license"),
    "no generation config": (
        {"files": ("LICENSE.md",)},
        "generation",
        "generation_config.json: the base has it",
    ),
    "code": ({"files": (*FOUND.files, "modeling.py")}, "code", "modeling.py: it is code"),
    "a pickle": ({"files": (*FOUND.files, "optimizer.pt")}, "code", "optimizer.pt"),
    "code asked for": (
        {"config": FOUND.config | {"auto_map": {"AutoModel": "x.A"}}},
        "code",
        "auto_map asks",
    ),
    "another base": (card(bases=("someone/Else",)), "base_model", "another base_model: someone/Else"),
}


BESIDES: dict[str, tuple[Kind, ...]] = {
    "a file that mlx-lm passes over": ("missing",),
    "a tensor twice": ("stale",),
    "fewer bits than the recipe's": ("bits",),
    "floats instead of bits": ("bits",),
    "fewer bits per weight": ("recipe",),
}
"""What the same damage is as well."""


def said(expected: Expected, changes: Table) -> list[tuple[str, str]]:
    found = msgspec.structs.replace(FOUND, **changes)
    return [(finding.kind, str(finding)) for finding in violations(expected, found)]


def test_a_quant_as_it_should_be_has_no_finding() -> None:
    """The check is silent where nothing is wrong and nothing is worth knowing."""
    assert findings(EXPECTED, FOUND) == ()
    assert bits_per_weight(EXPECTED, FOUND) == EXPECTED.bits_per_weight


@pytest.mark.parametrize("what", WRONG)
def test_each_kind_of_damage_is_found(what: str) -> None:
    """Every single damage is named in a sentence, under its kind, and nothing else is called wrong."""
    changes, kind, complaint = WRONG[what]
    found = said(EXPECTED, changes)
    assert any(kind == k and complaint in text for k, text in found), found
    assert {k for k, _ in found} == {kind, *BESIDES.get(what, ())}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*CONFIG, "quantization", "quantization_config", "vision_config", "model_file"])


@given(config=st.dictionaries(KEYS, JSON), generation=st.dictionaries(KEYS, JSON), entry=JSON)
def test_no_config_breaks_the_check(config: Table, generation: Table, entry: Any) -> None:
    """Whatever JSON a stranger's config.json holds, the check ends with findings about it."""
    for quantization in (config.get("quantization"), {"lm_head": entry}, {**QUANTIZATION, "lm_head": entry}):
        strange = {**config, "quantization": quantization}
        found = msgspec.structs.replace(FOUND, config=strange, generation=generation)
        assert all(finding.text for finding in findings(EXPECTED, found))
        assert all(finding.text for finding in findings(ALONE, found))


HARMLESS: dict[str, tuple[Table, Kind | None]] = {
    "the order of architectures": ({"config": FOUND.config | {"architectures": ["B", "A"]}}, None),
    "another library's version": ({"config": FOUND.config | {"transformers_version": "9"}}, None),
    "infinity, tagged": (
        {"config": FOUND.config | {"time_step_limit": [0.0, {"__float__": "Infinity"}]}},
        None,
    ),
    "end tokens of the generation config": ({"config": FOUND.config | {"eos_token_id": [7, 8]}}, None),
    "an entry that the top level says too": (saying(without(QUANTIZATION, "lm_head")), None),
    "a key of training": ({"config": FOUND.config | {"attention_dropout": 0.1}}, "changed"),
    "a key more": ({"config": FOUND.config | {"use_bidirectional": False}}, "changed"),
    "no quantization_config": ({"config": without(FOUND.config, "quantization_config")}, "config"),
    "an entry for nothing": (saying({**QUANTIZATION, "gone": {"group_size": 64, "bits": 8}}), "config"),
    "another temperature": ({"generation": {"temperature": 1, "eos_token_id": [7, 8]}}, "generation"),
    "only the license's name": ({"files": ("generation_config.json",)}, "license"),
    "no index": ({"weight_map": None}, None),
    "no index of two files": (
        {"shards": {"model-1.safetensors": TENSORS, "model-2.safetensors": {}}, "weight_map": None},
        "index",
    ),
    "an adapter": (
        {"shards": {FILE: TENSORS, "adapters.safetensors": {"a": NORM}}, "formats": {FILE: "mlx"}},
        "stale",
    ),
    "no card": ({"card": None}, "base_model"),
    "a card without a base": (card(bases=()), "base_model"),
    "no mlx in the name": ({"name": "Tiny-q8-mlxy"}, "name"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_not_wrong_is_remarked_at_most(what: str) -> None:
    """A difference that changes nothing is no violation; where it is worth knowing it is a remark."""
    changes, kind = HARMLESS[what]
    found = msgspec.structs.replace(FOUND, **changes)
    assert violations(EXPECTED, found) == ()
    assert [remark.kind for remark in remarks(EXPECTED, found)] == ([kind] if kind else [])


# ------------------------------------------------------------------ other people's quants


def test_floats_of_another_type_throughout_are_one_remark() -> None:
    """Others may cast to float16: said once, the bits per weight of the recipe counted in that type."""
    found = msgspec.structs.replace(FOUND, **holding(floats("F32")))
    assert violations(OTHERS, found) == ()
    assert [remark.kind for remark in remarks(OTHERS, found)] == ["dtype"]
    assert bits_per_weight(OTHERS, found) != OTHERS.bits_per_weight


def test_floats_of_another_type_here_and_there_are_wrong() -> None:
    """One tensor unlike all others is a mistake, whoever made it; a quant of ours has the very types."""
    assert said(OTHERS, holding(floats("F16", "norm.weight"))) == [
        ("dtype", "norm.weight: F16 instead of BF16")
    ]
    exact = msgspec.structs.replace(OTHERS, exact=frozenset({"norm.weight"}))
    assert said(exact, holding(floats("F16", "norm.weight"))) == []
    assert len(said(EXPECTED, holding(floats("F16")))) == 4


def test_what_mlx_lm_leaves_out_is_no_damage_of_anothers_quant() -> None:
    """Tensors that mlx-lm drops on loading are remarked in others' quants, and wrong in one of ours."""
    more = holding(TENSORS | {"mtp.weight": NORM}) | {"loaded": TENSORS}
    assert said(OTHERS, more) == []
    found = msgspec.structs.replace(FOUND, **more)
    assert [remark.kind for remark in remarks(OTHERS, found)] == ["extra"]
    assert [kind for kind, _ in said(EXPECTED, more)] == ["extra"]
    assert [kind for kind, _ in said(OTHERS, more | {"loaded": None})] == ["extra"]


def test_names_that_mlx_lm_changes_are_the_models() -> None:
    """A quant under its maker's names holds the base's tensors when mlx-lm finds them in it."""
    named = {f"model.{name}": tensor for name, tensor in TENSORS.items()}
    assert said(OTHERS, holding(named)) != []
    kinds = {kind for kind, _ in said(OTHERS, holding(named) | {"loaded": TENSORS})}
    assert kinds == set()


def test_mlx_lms_own_word_is_left_out_where_a_plainer_one_is_found() -> None:
    """A missing tensor is said as such, not as the loader's error that it causes."""
    broken = holding(without(TENSORS, "norm.weight")) | {"refusal": "Missing 1 parameters: norm.weight"}
    assert [kind for kind, _ in said(EXPECTED, broken)] == ["missing"]


def test_a_quant_is_held_against_itself_where_the_base_cannot_be_built() -> None:
    """Without the base's tensors the config is still held against the quant's own shapes."""
    assert said(ALONE, {}) == []
    assert [kind for kind, _ in said(ALONE, stating(bits=4))] == ["config"]
    assert [kind for kind, _ in said(ALONE, holding(without(TENSORS, "lm_head.biases")))] == ["config"]
    assert bits_per_weight(ALONE, FOUND) is None


# ------------------------------------------------------------------ sight


def test_a_vision_tower_is_there_whole_or_the_quant_says_text_only() -> None:
    """All of it missing is one finding, a part of it is named; nothing of it is asked of text only."""
    whole_ = holding(TENSORS | SIGHT)
    assert said(SEEING, whole_) == []
    assert [kind for kind, _ in said(SEEING, {})] == ["senses"]
    assert said(SEEING, {}) == said(msgspec.structs.replace(SEEING, recipe=""), {})
    half = {**SIGHT, "vision_tower.norm.weight": NORM}
    two = msgspec.structs.replace(SEEING, tensors=TENSORS | half, senses=frozenset(half))
    assert [kind for kind, _ in said(two, whole_)] == ["missing"]
    blind = msgspec.structs.replace(EXPECTED, text_only=True, config=CONFIG | {"vision_config": {"depth": 2}})
    assert said(blind, {"name": "Tiny-text-q8-mlx"}) == []
    assert [r.kind for r in remarks(blind, FOUND)] == ["senses"]
    assert [kind for kind, _ in said(msgspec.structs.replace(blind, text_only=False), {})] == ["changed"]


def test_a_tower_of_unknown_names_must_have_tensors() -> None:
    """Where nobody knows what mlx-vlm calls them, there must be some that the text model has not."""
    unknown = msgspec.structs.replace(OTHERS, sees=True)
    assert [kind for kind, _ in said(unknown, {})] == ["senses"]
    assert said(unknown, holding(TENSORS | SIGHT) | {"loaded": TENSORS}) == []
