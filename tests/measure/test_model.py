"""A folder in memory: what identifies it, what it computes in, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from bot.errors import UnsuitableBase, VerificationFailed
from bot.measure import model
from bot.measure.engine import choose, weights
from bot.measure.engine.weights import Precision
from tests.measure import tiny

TOKENS = [[5, 9, 33, 120, 7, 61, 14, 99]]


def test_identity_follows_weights_config_and_tokenizer_and_nothing_else(tmp_path: Path) -> None:
    """A card or manifest beside the model changes nothing; a config, template or weight does."""
    folder = tiny.model_folder(tmp_path / "model")
    before = model.identity(folder)
    (folder / "README.md").write_text("# a card")
    (folder / "qx_manifest.json").write_text("{}")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "state.json").write_text("{}")
    assert model.identity(folder) == before
    seen = {before}
    for name in ("config.json", "chat_template.jinja", "model.safetensors", "model-2.safetensors"):
        path = folder / name
        path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")
        seen.add(model.identity(folder))
    assert len(seen) == 5


@pytest.mark.parametrize("architecture", list(tiny.ARCHITECTURES))
def test_a_bf16_model_computes_in_float32_on_the_cpu(tmp_path: Path, architecture: str) -> None:
    """Also a mixture of experts, which MLX cannot run in bf16 there; its weights keep their values."""
    loaded, _, _ = model.load(tiny.model_folder(tmp_path / "model", architecture))
    assert model.compute_dtype(loaded) == "float32"
    logits = loaded(mx.array(TOKENS))
    assert logits.dtype == mx.float32
    assert mx.isfinite(logits).all()
    stored: Any = mx.load(str(tmp_path / "model" / "model.safetensors"))
    name, value = next((n, v) for n, v in stored.items() if "norm" in n)
    kept: Any = loaded
    for part in name.split("."):
        kept = kept[int(part)] if part.isdigit() else kept[part]
    assert mx.array_equal(kept, value.astype(mx.float32))


@pytest.mark.parametrize("quantization", [tiny.Q4, tiny.MXFP4], ids=["q4", "mxfp4"])
@pytest.mark.parametrize("architecture", list(tiny.ARCHITECTURES))
def test_dequantizing_keeps_the_numbers_of_the_quantized_weights(
    tmp_path: Path, architecture: str, quantization: dict[str, Any]
) -> None:
    """The logits of packed and of unpacked weights differ by float32 rounding only."""
    folder = tiny.model_folder(tmp_path / "model", architecture, quantization)
    packed, _, _ = model.load(folder)
    unpacked, _, _ = weights.load(folder)
    weights.ready(unpacked, weights.Precision("float32", "dequantized"))
    assert weights.is_packed(packed)
    assert not weights.is_packed(unpacked)
    assert mx.allclose(unpacked(mx.array(TOKENS)), packed(mx.array(TOKENS)), atol=2e-4)


def test_weights_are_unpacked_where_that_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial decides: fast plain products mean unpacked weights, slow ones leave them as stored."""
    packed, _, _ = weights.load(tiny.model_folder(tmp_path / "packed", quantization=tiny.Q4))

    def chosen(exact: bool = False, **seconds: Callable[[mx.Dtype], float]) -> Precision:
        for name in ("plain", "transposed", "packed"):
            monkeypatch.setattr(choose, f"_{name}", seconds.get(name, lambda _: 1.0))
        return choose._precision(packed, exact=exact)[0]

    assert chosen(packed=lambda _: 10.0) == Precision("float32", "dequantized")
    assert chosen(packed=lambda _: 0.1) == Precision("float32", "stored")
    assert chosen(packed=lambda _: 0.1, exact=True) == Precision("own", "stored")
    assert chosen(packed=lambda _: 10.0, transposed=lambda _: 0.5).transposed

    def slow_in_float32(dtype: mx.Dtype) -> float:
        return 10.0 if dtype == mx.float32 else 1.0

    assert chosen(plain=slow_in_float32, transposed=slow_in_float32).dtype == "own"


def test_a_folder_that_does_not_load_is_told_in_one_sentence(tmp_path: Path) -> None:
    """An architecture mlx-lm does not know, truncated weights and missing weights each say what is wrong."""
    unknown = tiny.model_folder(tmp_path / "unknown")
    (unknown / "config.json").write_text(json.dumps({"model_type": "nobody_knows"}))
    with pytest.raises(UnsuitableBase, match=r"cannot run unknown: .*nobody_knows"):
        model.load(unknown)
    truncated = tiny.model_folder(tmp_path / "truncated")
    shard = truncated / "model.safetensors"
    shard.write_bytes(shard.read_bytes()[:5000])
    with pytest.raises(VerificationFailed, match="truncated does not load"):
        model.load(truncated)
    shard.unlink()
    with pytest.raises(VerificationFailed, match="No safetensors found"):
        model.load(truncated)
