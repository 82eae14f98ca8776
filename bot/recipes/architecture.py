"""mlx-lm's own models, built without evaluating a weight: which modules a base has, and how it is loaded.

Names and shapes always come from mlx-lm's model code (its `sanitize` stacks experts, splits and renames);
nothing of any architecture is written down here a second time.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map_with_path
from mlx_lm import utils as mlx_lm_utils

from bot.errors import HostError, UnsuitableBase
from bot.recipes import SENSES
from bot.recipes.recipe import FIXED_MODES

LARGEST_CONFIG = 4 << 20
"""Bytes of config.json that are read; the largest known ones (per-layer quantization) have some 400 KB."""

MOST_LAYERS = 2_000
MOST_EXPERTS = 20_000
BUILD_SECONDS = 120

DTYPES = {
    "float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16,
    "F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16,
}  # fmt: skip


def read_config(text: str, base: str) -> dict[str, Any]:
    """config.json, parsed and refused where it asks for code or for absurd sizes.

    Raises UnsuitableBase with one sentence.
    """
    if len(text) > LARGEST_CONFIG:
        raise UnsuitableBase(f"{base}: config.json has {len(text)} bytes, more than any real one")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise UnsuitableBase(f"{base}: config.json is no valid JSON") from None
    if not isinstance(config, dict):
        raise UnsuitableBase(f"{base}: config.json is no JSON object")
    _refuse_absurd(config, base)
    return config


def _refuse_absurd(config: dict[str, Any], base: str) -> None:
    """Counts that would make building the model endless."""
    pending: list[Any] = [config]
    while pending:
        node = pending.pop()
        pending += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        for key, value in node.items() if isinstance(node, dict) else ():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            most = MOST_LAYERS if "layers" in key else MOST_EXPERTS if "experts" in key else 1 << 62
            if abs(value) > most and value == value and abs(value) != float("inf"):
                raise UnsuitableBase(
                    f"{base}: config.json says {key[:40]} = {str(value)[:20]}, which no model has"
                )


def model_classes(config: dict[str, Any], base: str) -> tuple[type[nn.Module], Any]:
    """mlx-lm's Model and ModelArgs for this config.

    Raises UnsuitableBase for an unknown model_type or one that brings its own code, HostError where
    mlx-lm knows the type but cannot be imported here.
    """
    if config.get("model_file") is not None:
        raise UnsuitableBase(f"{base} asks to run its own code (model_file), which the bot never does")
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", model_type):
        raise UnsuitableBase(f"{base}: config.json names no model_type that mlx-lm could know")
    module = f"mlx_lm.models.{_remapped(model_type, config)}"
    if importlib.util.find_spec(module) is None:
        code = (
            " and the base would run its own code, which the bot never does" if "auto_map" in config else ""
        )
        raise UnsuitableBase(f"{base}: mlx-lm does not support the model_type {model_type!r}{code}")
    try:
        architecture = importlib.import_module(module)
    except ImportError as error:
        raise HostError(
            f"mlx-lm supports {model_type!r} but cannot be imported here ({error}): install it again"
        ) from error
    if not hasattr(architecture, "Model") or not hasattr(architecture, "ModelArgs"):
        raise UnsuitableBase(f"{base}: mlx-lm does not support the model_type {model_type!r}")
    return architecture.Model, architecture.ModelArgs


def _remapped(model_type: str, config: dict[str, Any]) -> str:
    """As mlx-lm resolves types that share another type's code."""
    architectures = config.get("architectures") or ()
    for name in [architectures] if isinstance(architectures, str) else architectures:
        remapped = mlx_lm_utils.MODEL_ARCHITECTURE_REMAPPING.get((model_type, str(name)))
        if remapped is not None:
            return str(remapped)
    return str(mlx_lm_utils.MODEL_REMAPPING.get(model_type, model_type))


def build(config: dict[str, Any], base: str) -> nn.Module:
    """The model of this config with weights that are never evaluated: names, shapes and module kinds.

    Raises UnsuitableBase where mlx-lm's model refuses the config.
    """
    model_class, args_class = model_classes(config, base)
    with refusing(base), _bounded(base):
        return model_class(args_class.from_dict(config))


def load(folder: Path, base: str) -> tuple[nn.Module, dict[str, Any]]:
    """mlx-lm's model over the weights in `folder`, none read yet, and the config as mlx-lm completes it.

    Raises UnsuitableBase where weights and config do not fit each other.
    """
    config = read_config((folder / "config.json").read_text("utf-8", "replace"), base)
    classes = model_classes(config, base)
    with refusing(base), _bounded(base):
        model, config = mlx_lm_utils.load_model(folder, lazy=True, get_model_classes=lambda config: classes)
    return model, config


def tokenizer(folder: Path, base: str) -> Any:
    """The tokenizer in `folder` as `mlx_lm.load` makes it, with its end tokens; no code of the repo is run.

    Raises UnsuitableBase where transformers cannot load it.
    """
    with refusing_tokenizer(base):
        ends = mlx_lm_utils.load_config(folder).get("eos_token_id")
        return mlx_lm_utils.load_tokenizer(folder, {"trust_remote_code": False}, eos_token_ids=ends)


@contextlib.contextmanager
def refusing_tokenizer(base: str) -> Iterator[None]:
    """Turn whatever transformers raises about a tokenizer into UnsuitableBase."""
    try:
        yield
    except Exception as error:  # its tokenizer classes raise whatever they happen to
        if isinstance(error, OSError) and error.errno is not None:  # the machine's; transformers sets none
            raise
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnsuitableBase(f"{base}: its tokenizer cannot be loaded: {cause}") from error


@contextlib.contextmanager
def refusing(base: str) -> Iterator[None]:
    """Turn whatever mlx and mlx-lm raise about a base's config or weights into UnsuitableBase."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:  # any of 130 model files may trip over a hostile config
        if isinstance(error, (UnsuitableBase, HostError)):
            raise
        cause = " ".join(str(error).split())[:240] or type(error).__name__
        missing = f"{type(error).__name__}: " if isinstance(error, (KeyError, AttributeError)) else ""
        raise UnsuitableBase(
            f"{base}: mlx-lm cannot build it from its config and weights: {missing}{cause}"
        ) from error


@contextlib.contextmanager
def _bounded(base: str) -> Iterator[None]:
    """End the block after BUILD_SECONDS: a config can ask for more modules than memory holds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise UnsuitableBase(
            f"{base}: building its model takes more than {BUILD_SECONDS} s: check config.json"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(BUILD_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def quantize_like_source(model: nn.Module, config: dict[str, Any]) -> bool:
    """Mark in a model that was built from a config alone what the source stores in MXFP4 (gpt-oss experts).

    True when the config's other quantization forms leave the prediction inexact (their headers tell more).
    """
    stated = config.get("quantization_config")
    if not isinstance(stated, dict) or stated.get("quant_method") in ("fp8", "bitnet"):
        return False  # these become floats when mlx-lm loads them
    if stated.get("quant_method") != "mxfp4":
        return True
    kept = [str(pattern).replace("*", r"\d+") for pattern in stated.get("modules_to_not_convert") or ()]

    def predicate(path: str, module: nn.Module) -> dict[str, Any] | bool:
        if not hasattr(module, "to_quantized") or not re.search(r"\.experts\.", path):
            return False
        if any(re.match(pattern + r"(\.|$)", path) for pattern in kept):
            return False
        bits, group_size = FIXED_MODES["mxfp4"]
        return {"bits": bits, "group_size": group_size, "mode": "mxfp4"}

    nn.quantize(model, class_predicate=predicate)
    return False


def target_dtype(config: dict[str, Any]) -> str | None:
    """The float type that `mlx_lm.convert` casts to: the config's `torch_dtype`, else its text part's."""
    text = config.get("text_config") or {}
    dtype = config.get("torch_dtype") or text.get("dtype")
    return dtype if dtype in ("float16", "bfloat16", "float32") else None


def cast(model: nn.Module, dtype: str | None) -> None:
    """Cast the model's floats (lazily), except those its architecture keeps exact; None leaves all alone."""
    if dtype is None:
        return
    kind, allowed = DTYPES[dtype], getattr(model, "cast_predicate", lambda _: True)

    def casted(path: str, value: mx.array) -> mx.array:
        return value.astype(kind) if allowed(path) and mx.issubdtype(value.dtype, mx.floating) else value

    model.update(tree_map_with_path(casted, model.parameters()))


def is_tied(model: nn.Module) -> bool:
    """True when the model has no head of its own: its embeddings are the head."""
    return not any(
        re.search(r"(^|\.)(lm_head|embed_out|output)$", path)
        for path, _ in leaf_modules(model)
        if layerless(path)
    )


def layerless(path: str) -> bool:
    return not re.search(r"\.\d+(\.|$)", path)


def leaf_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every leaf module with its path, in the model's order."""
    flat: list[tuple[str, nn.Module]] = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    return flat


def loses_senses(model: nn.Module, config: dict[str, Any]) -> bool:
    """True when the base sees or hears and mlx-lm's model does not (its `sanitize` drops those weights)."""
    if not any(config.get(key) for key in SENSES):
        return False
    return not any(re.search(r"(vision|visual|audio)", path) for path, _ in model.named_modules())
