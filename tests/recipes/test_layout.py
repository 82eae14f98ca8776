"""Sizes are known before a base is downloaded; what cannot be quantized is refused in one sentence."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from bot import child
from bot.errors import BotError, HostError, UnsuitableBase
from bot.recipes import InventoryRequest, Prediction, architecture
from bot.recipes.inventory import read
from bot.recipes.layout import Inventory, lay, prediction
from bot.recipes.names import parse
from bot.recipes.summary import enhanced_layers, enhanced_share
from bot.rehearsal.architectures import QWEN3

QWEN3_8B: dict[str, Any] = {
    "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "intermediate_size": 12288,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
    "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}  # fmt: skip
LFM2_8B: dict[str, Any] = {
    "model_type": "lfm2_moe", "vocab_size": 65536, "hidden_size": 2048, "intermediate_size": 7168,
    "moe_intermediate_size": 1792, "num_hidden_layers": 24, "num_experts": 32, "num_experts_per_tok": 4,
    "norm_topk_prob": True, "num_attention_heads": 32, "num_key_value_heads": 8, "use_expert_bias": True,
    "max_position_embeddings": 128000, "num_dense_layers": 2, "norm_eps": 1e-5, "conv_bias": False,
    "conv_L_cache": 3, "rope_theta": 1e6, "torch_dtype": "float32",
    "layer_types": ["full_attention" if i in (2, 6, 10, 14, 18, 21) else "conv" for i in range(24)],
}  # fmt: skip


def held(config: dict[str, Any] | str) -> Inventory:
    text = config if isinstance(config, str) else json.dumps(config)
    return read(InventoryRequest(base="someone/Base", config=text), lambda _: None)


def asked(config: dict[str, Any] | str, *recipes: str) -> list[Prediction]:
    inventory = held(config)
    return [prediction(parse(name), inventory) for name in recipes]


def test_a_real_model_is_weighed_by_its_config_alone(tmp_path: Path) -> None:
    """Qwen3-8B has 8 190 735 360 parameters; at q4 each takes 4.5 bits. Asked in a child."""
    inventory = child.run(
        "bot.recipes.inventory",
        InventoryRequest(base="Qwen/Qwen3-8B", config=json.dumps(QWEN3_8B)),
        Inventory,
        log=tmp_path / "log",
    )
    bf16, q4, qx86 = (prediction(parse(name), inventory) for name in ("bf16", "q4", "qx86-hi"))
    assert bf16.parameters == q4.parameters == qx86.parameters == 8_190_735_360
    assert bf16.bits_per_weight == 16
    assert q4.bits_per_weight == pytest.approx(4.5, abs=0.001)
    assert 7 < qx86.bits_per_weight < 9
    assert not inventory.text_only


def test_the_published_sizes_of_lfm2_are_met() -> None:
    """The LFM2-8B-A1B card: 31G as float32, q6-hi 7.8G, mxfp4 4.1G, to the printed digit (G is GiB)."""
    float32 = {**LFM2_8B, "torch_dtype": "float32"}
    q6, mxfp4 = asked(float32, "q6-hi", "mxfp4")
    assert round(q6.parameters / 1e9, 2) == 8.34
    assert round(q6.parameters * 4 / 2**30) == 31
    assert round(q6.bytes / 2**30, 1) == 7.8
    assert round(mxfp4.bytes / 2**30, 1) == 4.1


def test_what_the_lfm2_card_says_of_qx_and_what_these_rules_give() -> None:
    """The card has 8.3 and 6.1 GiB; embeddings and all attention at H, 2.4 % of the weights, give less."""
    inventory = held({**LFM2_8B, "torch_dtype": "float32"})
    for name, gib in (("qx86-hi", 7.81), ("qx64-hi", 5.87)):
        layout = lay(parse(name), inventory)
        assert round(layout.bytes / 2**30, 2) == gib
        assert enhanced_layers(layout) == (2, 6, 10, 14, 18, 21)
        assert round(enhanced_share(layout), 3) == 0.024


REFUSED: list[tuple[dict[str, Any] | str, str]] = [
    ({**QWEN3_8B, "model_type": "nobody_knows"}, "does not support the model_type 'nobody_knows'"),
    ({**QWEN3_8B, "model_type": "nobody", "auto_map": {"AutoModel": "m.M"}}, "own code"),
    ({**QWEN3_8B, "model_file": "evil.py"}, "own code"),
    ({**QWEN3_8B, "model_type": "cache"}, "does not support"),
    ({**QWEN3_8B, "model_type": "../../etc"}, "model_type"),
    ({**QWEN3_8B, "model_type": 7}, "model_type"),
    ({"model_type": "qwen3"}, "hidden_size"),
    ({**QWEN3_8B, "num_hidden_layers": 10**9}, "num_hidden_layers"),
    ({**QWEN3_8B, "hidden_size": 10**12}, "cannot build"),
    ({**QWEN3_8B, "hidden_size": "large"}, "cannot build"),
    ({**QWEN3_8B, "num_key_value_heads": None}, "cannot build"),
    ("[1, 2]", "no JSON object"),
    ("{", "no valid JSON"),
    ("[" * 200_000, "no valid JSON"),
    ('{"a": ' + "9" * 5000 + "}", "no valid JSON"),
    (" " * (5 << 20), "bytes"),
]


@pytest.mark.parametrize(("config", "complaint"), REFUSED, ids=range(len(REFUSED)))
def test_a_base_that_cannot_be_quantized_is_refused(config: dict[str, Any] | str, complaint: str) -> None:
    """Unknown types, bases with their own code, hostile configs: one sentence that names the base."""
    with pytest.raises(UnsuitableBase, match=complaint) as error:
        asked(config, "qx86-hi")
    assert str(error.value).startswith("someone/Base")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_broken_mlx_lm_is_not_called_an_unknown_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the architecture's module is there and cannot be imported, the installation is to blame."""
    monkeypatch.setitem(sys.modules, "mlx_lm.models.qwen3", None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: types.SimpleNamespace(name=name), raising=True
    )
    with pytest.raises(HostError, match="cannot be imported"):
        asked(QWEN3_8B, "q4")


def test_a_config_that_takes_forever_to_build_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that pass for sane one by one can still multiply; the building has a time limit."""

    class Endless:
        @classmethod
        def from_dict(cls, config: dict[str, Any]) -> None:
            while True:
                pass

    monkeypatch.setattr(architecture, "BUILD_SECONDS", 1)
    monkeypatch.setattr(architecture, "model_classes", lambda config, base: (Endless, Endless))
    with pytest.raises(UnsuitableBase, match="takes more than 1 s"):
        asked(QWEN3_8B, "q4")


def test_an_architecture_without_attention_takes_uniform_recipes_only() -> None:
    """qx has nothing to enhance in a pure state-space model; q8 goes everywhere."""
    mamba = {
        "model_type": "mamba", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128,
        "state_size": 16, "num_hidden_layers": 2, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True,
        "time_step_rank": 4, "tie_word_embeddings": True,
    }  # fmt: skip
    assert asked(mamba, "q8")[0].bits_per_weight > 8
    with pytest.raises(UnsuitableBase, match="finds no attention"):
        asked(mamba, "qx86")


@pytest.mark.parametrize("columns", [96, 80])
def test_what_a_recipe_could_not_do_is_noted(columns: int) -> None:
    """A smaller group size, or floats where none divides: the prediction says for how many modules."""
    notes = " ".join(asked({**QWEN3.config, "intermediate_size": columns}, "q6")[0].notes)
    assert ("group size 32" if columns == 96 else "kept as floats") in notes
    assert "(5 modules)" in notes


def test_the_child_reports_errors_by_their_class(tmp_path: Path) -> None:
    """An UnsuitableBase in the child is one in the parent."""
    request = InventoryRequest(base="a/b", config='{"model_type": "nobody"}')
    with pytest.raises(BotError) as error:
        child.run("bot.recipes.inventory", request, Inventory, log=tmp_path / "log")
    assert type(error.value) is UnsuitableBase
