"""Child process: what each recipe will weigh on a base of which only config.json (and headers) are known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlx.nn as nn

from bot import safetensors
from bot.child import Progress, Report, serve
from bot.errors import UnsuitableBase
from bot.recipes import Prediction, Predictions, PredictRequest, architecture
from bot.recipes.apply import Layout, apply
from bot.recipes.names import parse
from bot.safetensors import Tensor


def predict(request: PredictRequest, report: Report) -> Predictions:
    """Sizes of all recipes on one base. Raises UsageError (recipe name), UnsuitableBase (base)."""
    recipes = [parse(name) for name in request.recipes]
    config = architecture.read_config(request.config, request.base)
    items: list[Prediction] = []
    text_only = False
    for done, recipe in enumerate(recipes):
        report(Progress(stage="plan", what=recipe.name, done=done, total=len(recipes), unit="recipes"))
        model, completed, notes = _skeleton(request, config)
        layout = apply(recipe, model, completed, request.base)
        text_only = layout.text_only
        items.append(_prediction(layout, notes))
    return Predictions(items=tuple(items), text_only=text_only)


def _prediction(layout: Layout, notes: tuple[str, ...]) -> Prediction:
    return Prediction(
        recipe=layout.recipe,
        recipe_hash=layout.recipe_hash,
        bytes=layout.bytes,
        bits_per_weight=layout.bits_per_weight,
        parameters=layout.parameters,
        notes=(*notes, *layout.notes),
    )


def _skeleton(
    request: PredictRequest, config: dict[str, Any]
) -> tuple[nn.Module, dict[str, Any], tuple[str, ...]]:
    """The base's model without its weights, the config as mlx-lm completes it, and what is uncertain."""
    if request.tensors:
        with tempfile.TemporaryDirectory(prefix="qx-bot-headers-") as folder:
            _phantom(Path(folder), request.config, request.tensors)
            return *architecture.load(Path(folder), request.base), ()
    model = architecture.build(config, request.base)
    uncertain = architecture.quantize_like_source(model, config)
    architecture.cast(model, _source_dtype(request, config))
    note = "predicted as if the source were not quantized: its safetensors headers would tell"
    return model, config, (note,) if uncertain else ()


def _phantom(folder: Path, config: str, tensors: dict[str, Tensor]) -> None:
    """A model folder whose one safetensors file is all hole: a real header over data that takes no space.

    mlx-lm loads it as it loads the base; only the values, which a prediction never reads, are missing.
    """
    (folder / "config.json").write_text(config, "utf-8")
    header = safetensors.header_bytes(tensors)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + sum(tensor.nbytes for tensor in tensors.values()))


def _source_dtype(request: PredictRequest, config: dict[str, Any]) -> str:
    text = config.get("text_config")
    stated = (config, text if isinstance(text, dict) else {})
    said = (request.dtype, *(part.get(key) for part in stated for key in ("torch_dtype", "dtype")))
    dtype = next((value for value in said if value), "bfloat16")
    if dtype not in architecture.DTYPES:
        raise UnsuitableBase(
            f"{request.base}: its weights are stored as {str(dtype)[:40]!r}, which MLX has not"
        )
    return str(dtype)


if __name__ == "__main__":
    serve(predict, PredictRequest)
